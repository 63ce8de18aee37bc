#include "oracle.hpp"
#include "swarm/door_handshake.hpp"
#include "swarm/worker_ending.hpp"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

// What anybody may send to the door of a swarm, or answer as one; and what a host tells.

using namespace zproc;
using namespace zproc::swarming;

using fuzz::require;

namespace {

constexpr std::string_view build = "build";

/// All frames of an input, as far as the door reads.
template <class Each>
void each_frame(std::span<const std::uint8_t> input, Each each)
{
    frame_reader reader(max_door_body);
    while (!input.empty()) {
        const auto room = reader.room();
        const auto now = std::min(input.size(), room.size());
        std::copy_n(input.begin(), now, room.begin());
        reader.filled(now);
        input = input.subspan(now);
        while (const auto f = reader.next()) {
            require(f->body.size() <= max_door_body);
            if (!each(*f))
                return;
        }
        if (reader.is_broken())
            return;
    }
}

/// Nobody here knows a secret.
void come(std::span<const std::uint8_t> input, std::string_view secret)
{
    admission owner(secret, build, {});
    each_frame(input, [&](const frame& f) {
        std::string out;
        const auto how = owner.take(f, out);
        require((how == admission::outcome::known) == out.empty());
        if (how == admission::outcome::known) {
            require(secret.empty() && owner.who().build == build);
            require(owner.welcome({1, owner.who().token, 1000, "name"}, out));
            require(owner.take(f, out) == admission::outcome::refused); // it has to wait
        }
        return how == admission::outcome::more;
    });
}

void answer(std::span<const std::uint8_t> input, std::string_view secret)
{
    introduction own;
    std::string hello;
    require(!own.begin({}, secret, {}, hello).failed());
    each_frame(input, [&](const frame& f) {
        std::string out;
        const auto how = own.take(f, out);
        require((how == introduction::outcome::more) == !out.empty());
        if (how == introduction::outcome::welcome)
            require(secret.empty() && own.said().silence_ms > 0);
        if (how == introduction::outcome::refused)
            require(own.error().failed());
        return how == introduction::outcome::more;
    });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::span<const std::uint8_t> input(data, size);
    for (const std::string_view secret : {"", "a secret of 22 bytes.."}) {
        come(input, secret);
        answer(input, secret);
    }
    each_frame(input, [](const frame& f) {
        const auto ending = decode_ending(f.body);
        if (ending)
            require(decode_ending(encode_ending(*ending)).has_value());
        return true;
    });
    return 0;
}
