#pragma once

#include "protocol/messages.hpp"

#include <cstdint>

/// How the journal crosses a network: a client asks for it once, and the server sends what is new
/// in pieces, as long as not too much is under way.
namespace zproc::protocol {

/// Send me the journal: from a position of the ring of `epoch` if that is the one there is and still
/// has it, else from its tail. Asked again, it begins anew. Answered with a stream_end.
struct stream_request {
    static constexpr operation code = operation::stream;
    std::uint64_t epoch = 0; ///< 0: I have nothing
    std::uint64_t from = 0;
    std::uint64_t limit = 0; ///< bytes of records that it may bring, from its beginning on
};
/// Another limit, higher or lower. Answered with a stream_end, also without a stream.
struct stream_more_request {
    static constexpr operation code = operation::stream_more;
    std::uint64_t limit = 0; ///< 0: as it is
};
/// Where the journal ended when the request was handled: what was done before is in front of it.
struct stream_end {
    std::uint64_t epoch = 0;
    std::uint64_t head = 0;
};

/// What follows are pieces of this ring, from `from` on: at first, when the server has another ring
/// now, and when it has overwritten what was still to be sent. In front of `head` the ring may be
/// incomplete. Where the client's own copy of this ring ends at `from`, it goes on.
struct stream_begun {
    static constexpr operation code = operation::stream_begun;
    std::uint64_t epoch = 0;
    std::uint64_t capacity = 0;
    std::uint64_t commit = 0;
    std::uint64_t previous_epoch = 0; ///< this and the next four: see the ring's header
    std::uint64_t moved_tail = 0;
    std::uint64_t moved_wrap = 0;
    std::uint64_t moved_pad = 0;
    std::uint64_t moved_head = 0;
    std::uint64_t from = 0;
    std::uint64_t head = 0;
};
/// Whole records; of a pad only its first word.
struct stream_piece {
    static constexpr operation code = operation::stream_piece;
    std::uint64_t at = 0;
    std::uint64_t end = 0;
    bytes_view records;
};

#define ZPROC_PROTOCOL_MESSAGE(T)                                                                  \
    void encode(buffer& out, const T& message);                                                    \
    error_code decode(bytes_view body, T& message, const limits& within = {});

ZPROC_PROTOCOL_MESSAGE(stream_request)
ZPROC_PROTOCOL_MESSAGE(stream_more_request)
ZPROC_PROTOCOL_MESSAGE(stream_end)
ZPROC_PROTOCOL_MESSAGE(stream_begun)
ZPROC_PROTOCOL_MESSAGE(stream_piece)

#undef ZPROC_PROTOCOL_MESSAGE

} // namespace zproc::protocol
