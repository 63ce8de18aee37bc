#include "protocol/handshake.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

// The first bytes of either side, from anybody.

using namespace zproc;
using namespace zproc::protocol;

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const bytes_view input(reinterpret_cast<const std::byte*>(data), size);
    std::string text;
    (void)check_first_reply(input);
    if (size >= header_bytes)
        (void)check_first_header(input.first<header_bytes>(), text);

    frame_parser parser(max_hello_bytes);
    const auto room = parser.prepare(size + 1);
    std::ranges::copy(input, room.begin());
    parser.commit(size);
    frame f;
    while (parser.next(f) == frame_parser::found) {
        client_hello hello;
        const auto refused = read_hello(f, hello, text);
        require(!refused.failed() || !text.empty());
        if (!refused.failed()) {
            buffer again;
            write_hello(again, f.correlation, hello);
            require(!hello.observer || hello.session == 0);
            require(again.size() <= header_bytes + f.body.size() + 9);
        }
        server_hello welcome;
        for (const bool observer : {false, true}) {
            if (read_welcome(f, welcome, text, observer).failed())
                continue;
            buffer again;
            write_welcome(again, f.correlation, welcome);
            require((welcome.session == 0) == observer);
        }
    }
    return 0;
}
