#include "protocol/frame.hpp"

#include "journal/header.hpp"
#include "oracle.hpp"
#include "protocol/handshake.hpp"
#include "server/session_fsm.hpp"
#include "store/database.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

// What a stranger or a bad client can send: a stream of bytes, cut anywhere. By the first byte of
// the input it is taken as it is, or as frames whose headers hold and whose bodies are anything,
// behind a handshake that succeeded; and there may be somebody else who has a turn at all of "n".

using namespace zproc;
using namespace zproc::protocol;

namespace {

using fuzz::require;

struct memory_rings final : store::surroundings {
    std::vector<std::unique_ptr<std::vector<std::uint64_t>>> regions;

    std::unique_ptr<journal::writer> make_ring(const journal::ring_header& header) override
    {
        const auto words = journal::region_size(header.capacity) / 8;
        regions.push_back(std::make_unique<std::vector<std::uint64_t>>(words));
        journal::writer_options options;
        options.largest_capacity = 1u << 17;
        return std::make_unique<journal::writer>(std::as_writable_bytes(std::span(*regions.back())),
                                                 header, options);
    }
    void ring_replaced(journal::writer&) override {}
    void changed(std::string_view, std::string_view) override {}
};

void feed(serving::session_fsm& machine, bytes_view bytes)
{
    const auto room = machine.prepare();
    require(room.size() >= bytes.size());
    std::ranges::copy(bytes, room.begin());
    machine.received(bytes.size(), 1, 1);
    while (machine.unhandled() && !machine.congested() && !machine.starved())
        machine.resume(1);
}

/// Has a turn three times; what it is told matters to nobody.
struct somebody_else {
    explicit somebody_else(serving::hall& h) : machine(h, 1)
    {
        buffer out;
        write_hello(out, 0, {});
        for (std::uint64_t id = 1; id != 4; ++id)
            write_request(out, 1, turn_request{id, "n", {}, true, 0});
        feed(machine, out);
    }
    serving::session_fsm machine;
};

/// Sends everything in pieces of up to `piece` bytes; what comes back.
buffer talk(bytes_view stream, std::size_t piece, bool alone)
{
    memory_rings rings;
    serving::hall shared;
    journal::ring_header header;
    header.capacity = 1u << 14;
    shared.data = std::make_unique<store::database>(rings.make_ring(header), rings);
    shared.about.limits.request_bytes = 1u << 16;
    std::uint64_t sessions = 0;
    shared.new_session_id = [&] { return ++sessions; };

    serving::session_fsm machine(shared, 0);
    std::optional<somebody_else> other;
    if (!alone)
        other.emplace(shared);
    const auto pass_turns = [&] {
        shared.lease_clock += 1'000'000;
        while (const auto due = shared.turns.next(shared.lease_clock)) {
            auto& whose = due->where == 0 ? machine : other->machine;
            if (due->begun)
                whose.turn_begins(*due->begun, 1);
            else
                whose.resume(1);
        }
    };
    pass_turns();
    buffer replies;
    for (std::size_t at = 0; at < stream.size() && !machine.closing();) {
        const auto room = machine.prepare();
        require(!room.empty());
        const auto count = std::min({piece, room.size(), stream.size() - at});
        std::copy_n(stream.begin() + static_cast<std::ptrdiff_t>(at), count, room.begin());
        machine.received(count, 1, 1);
        at += count;
        do {
            auto& out = machine.output();
            replies.insert(replies.end(), out.begin(), out.end());
            out.clear();
            pass_turns();
            machine.resume(1);
        } while (!machine.output().empty() || machine.parked());
    }
    machine.disconnected(2, 1);
    require(!alone || shared.turns.idle());
    shared.data->publish();
    return replies;
}

/// Everything a server says can be read by a client.
void check(bytes_view replies)
{
    frame_parser parser(max_reply_bytes);
    const auto room = parser.prepare(replies.size());
    std::ranges::copy(replies, room.begin());
    parser.commit(replies.size());
    frame f;
    while (parser.next(f) == frame_parser::found) {
        if (f.status != 0)
            continue;
        mutation_reply done;
        if (is_mutation(f.code))
            require(!decode(f.body, done).failed());
        turn_reply turn;
        if (f.code == operation::turn)
            require(!decode(f.body, turn).failed());
    }
    require(parser.buffered() == 0);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 2)
        return 0;
    const bytes_view input(reinterpret_cast<const std::byte*>(data), size);
    const bool shaped = (data[0] & 1u) != 0;
    const bool alone = (data[0] & 2u) == 0;
    const std::size_t piece = 1 + std::size_t{data[1]} * 16;
    auto rest = input.subspan(2);
    buffer stream;
    if (!shaped) {
        stream.assign(rest.begin(), rest.end());
    } else {
        write_hello(stream, 0, {});
        // operation, size (2 bytes), body
        while (rest.size() >= 3) {
            const auto code = static_cast<operation>(std::to_integer<unsigned>(rest[0]) % 80);
            const auto wanted =
                std::to_integer<std::size_t>(rest[1]) | std::to_integer<std::size_t>(rest[2]) << 8;
            rest = rest.subspan(3);
            const auto body = rest.first(std::min(wanted, rest.size()));
            rest = rest.subspan(body.size());
            const auto at = begin_frame(stream, 7, code);
            stream.insert(stream.end(), body.begin(), body.end());
            end_frame(stream, at);
        }
    }
    const auto whole = talk(stream, stream.size() + 1, alone);
    check(whole);
    // Where it is cut changes nothing, as long as the descriptors that come with it suffice.
    if (stream.size() < 4096 && shaped && piece > 1)
        check(talk(stream, piece, alone));
    return 0;
}
