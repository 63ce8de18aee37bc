#include "oracle.hpp"
#include "protocol/messages.hpp"
#include "protocol/stream_messages.hpp"

#include <algorithm>
#include <cstdint>

// The body of every message, of either side. What can be read can be written, and is the same
// when it is read again.

using namespace zproc;
using namespace zproc::protocol;

namespace {

using fuzz::require;

/// Byte by byte: nothing of a refused message may be kept, nor more than was there.
struct tried {
    bytes_view body;
    const limits& within;
    unsigned which; ///< of the messages, in the order in which they are tried

    template <class Message>
    void as()
    {
        if (which-- != 0)
            return;
        Message m;
        if (decode(body, m, within).failed())
            return;
        buffer once;
        encode(once, m);
        Message same;
        require(!decode(once, same, within).failed());
        buffer twice;
        encode(twice, same);
        require(once == twice);
        // Numbers may come in more bytes than they need.
        require(once.size() <= body.size());
    }
    template <class Result>
    void as_result()
    {
        Result out{};
        static_cast<void>(decode_result(body, out));
    }
};

template <class... Messages>
void try_as(tried& body)
{
    (body.as<Messages>(), ...);
}

} // namespace

// Byte 0: which message; byte 1: how narrow the limits are; the rest is its body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    limits within;
    if ((data[1] & 1u) != 0) {
        within.key_bytes = 4;
        within.namespace_bytes = 4;
        within.value_bytes = 8;
        within.depth = 2;
    }
    tried body{{reinterpret_cast<const std::byte*>(data) + 2, size - 2}, within, data[0] % 48u};
    try_as<ping_request, ping_reply, get_request, get_reply, contains_request, contains_reply,
           size_request, size_reply, keys_request, keys_reply, snapshot_request, snapshot_reply,
           read_request, read_reply, who_request, who_reply, namespaces_request, namespaces_reply,
           watch_request, watch_reply, unwatch_request, empty_reply, attach_request, attach_reply,
           turn_request, turn_reply, end_turn_request>(body);
    try_as<set_request, erase_request, update_request, replace_request, clear_request, pop_request,
           pop_item_request, set_default_request, increment_request, append_request,
           compare_exchange_request, commit_request, conflict_reply, mutation_reply>(body);
    try_as<stream_request, stream_more_request, stream_end, stream_begun, stream_piece>(body);
    if (body.which == 0) {
        body.as_result<exchange_result>();
        body.as_result<entry>();
        body.as_result<std::uint64_t>();
    } else if (body.which == 1) {
        require(error_text(body.body).size() <= body.body.size());
    }
    return 0;
}
