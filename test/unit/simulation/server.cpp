#include "unit/simulation/server.hpp"

#include <algorithm>
#include <utility>

namespace simulation {

using namespace zproc;

server::server(world& w, options o) : world_(w), options_(o)
{
    journal::ring_header header;
    header.capacity = 1u << 20;
    hall_.data = std::make_unique<store::database>(around_.make_ring(header), around_);
    hall_.about.instance = {std::byte{9}};
    hall_.new_session_id = [next = std::uint64_t{0}]() mutable { return ++next; };
}

seat server::connect(std::function<void(const buffer&)> deliver)
{
    const auto who = next_seat_++;
    links_[who] = std::make_unique<link>(hall_, who);
    links_[who]->deliver = std::move(deliver);
    return who;
}

void server::arrive(seat who, const buffer& bytes)
{
    if (const auto it = links_.find(who); it != links_.end()) {
        it->second->inbox.insert(it->second->inbox.end(), bytes.begin(), bytes.end());
        loop();
    }
}

void server::disconnect(seat who)
{
    if (const auto it = links_.find(who); it != links_.end()) {
        it->second->machine.disconnected(world_.now(), world_.now());
        links_.erase(it);
        loop();
    }
}

void server::loop()
{
    hall_.lease_clock = world_.now();
    for (auto& [who, each] : links_)
        read(who, *each);
    pass_turns();
    for (const auto who : std::exchange(hall_.displaced, {}))
        disconnect(who);
    hall_.data->publish();
    around_.touched.clear();
    bool more = false;
    for (auto& [who, each] : links_) {
        more = more || (!each->inbox.empty() && !each->machine.parked());
        if (auto out = std::exchange(each->machine.output(), {}); !out.empty())
            each->deliver(out);
    }
    if (more)
        world_.after(0, [this] { loop(); });
    arm();
}

void server::read(seat who, link& l)
{
    while (!l.inbox.empty() && !l.machine.parked() && !l.machine.closing()) {
        const auto room = l.machine.prepare();
        const auto count = std::min(room.size(), l.inbox.size());
        const auto end = l.inbox.begin() + static_cast<std::ptrdiff_t>(count);
        std::copy(l.inbox.begin(), end, room.begin());
        note_requests(who, l, room.first(count));
        l.inbox.erase(l.inbox.begin(), end);
        l.machine.received(count, 0, world_.now());
    }
}

/// When each turn was asked for, in turns of others.
void server::note_requests(seat who, link& l, std::span<const std::byte> bytes)
{
    std::ranges::copy(bytes, l.overheard.prepare(bytes.size()).begin());
    l.overheard.commit(bytes.size());
    protocol::frame f;
    while (l.overheard.next(f) == protocol::frame_parser::found) {
        protocol::turn_request m;
        if (f.code != protocol::operation::turn || protocol::decode(f.body, m).failed())
            continue;
        const std::string name(m.name_space);
        asked_[{who, m.id}] = {name, turns_of_[name]};
    }
}

void server::pass_turns()
{
    while (const auto due = hall_.turns.next(world_.now())) {
        auto& machine = links_.at(due->where)->machine;
        if (!due->begun) {
            machine.resume(world_.now());
            continue;
        }
        const auto id = due->begun->id;
        const auto asked = asked_.extract({due->where, id});
        auto& count = turns_of_[asked.mapped().name_space];
        begun.push_back({due->where, count - asked.mapped().turns_by_then,
                         hall_.turns.find(due->where, id)->lease});
        ++count;
        machine.turn_begins(*due->begun, world_.now());
        if (!options_.protects)
            hall_.turns.give_up(due->where, id);
    }
}

void server::arm()
{
    const auto due = hall_.turns.next_deadline();
    if (due == serving::turns::never)
        return;
    const auto left = std::max(due - world_.now(), ns{0});
    const auto when = world_.now() + (left + ms - 1) / ms * ms;
    if (armed_ > world_.now() && armed_ <= when)
        return; // it will look then
    armed_ = when;
    world_.at(when, [this] { loop(); });
}

} // namespace simulation
