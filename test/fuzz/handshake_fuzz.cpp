#include "oracle.hpp"
#include "protocol/client_handshake.hpp"

#include <algorithm>
#include <cstdint>

// The first bytes of either side, from anybody.

using namespace zproc;
using namespace zproc::protocol;

namespace {

using fuzz::require;

/// What a client makes of a whole conversation: nobody here knows its secret.
void converse(bytes_view input)
{
    for (const std::string_view secret : {"", "a secret of 22 bytes.."}) {
        client_handshake client;
        buffer out;
        require(!client.begin(out, 1, {}, secret, nonce{}).failed());
        frame_parser parser(max_hello_bytes);
        const auto room = parser.prepare(input.size() + 1);
        std::ranges::copy(input, room.begin());
        parser.commit(input.size());
        frame f;
        server_hello welcome;
        std::string text;
        while (!client.done() && parser.next(f) == frame_parser::found)
            if (client.take(f, out, welcome, text).failed())
                break;
        require(!client.done() || secret.empty());
    }
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
            require(hello.nonce.empty() || hello.nonce.size() == nonce_bytes);
        }
        server_hello welcome;
        for (const bool observer : {false, true}) {
            if (read_welcome(f, welcome, text, observer).failed())
                continue;
            buffer again;
            write_welcome(again, f.correlation, welcome);
            require((welcome.session == 0) == observer);
            require(welcome.proof.empty() || welcome.proof.size() == digest_bytes);
        }
        nonce fresh;
        digest proof;
        const bool challenged = !read_challenge(f, fresh, text).failed();
        const bool proven = !read_proof(f, proof, text).failed();
        require(!challenged || !proven);
        if (challenged || proven) {
            buffer again;
            if (challenged)
                write_challenge(again, f.correlation, fresh);
            else
                write_proof(again, f.correlation, proof);
            require(again.size() == header_bytes + f.body.size());
        }
    }
    converse(input);
    return 0;
}
