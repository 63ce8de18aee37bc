#pragma once

#include "server/session_fsm.hpp"
#include "unit/simulation/world.hpp"
#include "unit/store/store_fixture.hpp"

#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace simulation {

using zproc::protocol::buffer;
using zproc::serving::seat;

/// The machines of a state process on a simulated clock, and what its host does with them: it
/// reads what has come, ends and begins turns, publishes, and sends. Like the host it waits in
/// whole milliseconds.
class server {
public:
    struct options {
        bool protects = true; ///< false: turns are granted, and bar nobody's way
    };
    explicit server(world& w) : server(w, options()) {}
    server(world& w, options o);

    seat connect(std::function<void(const buffer&)> deliver);
    void arrive(seat who, const buffer& bytes);
    void disconnect(seat who);

    const zproc::store::database& data() const { return *hall_.data; }
    const zproc::serving::turns& turns() const { return hall_.turns; }

    /// A turn that has begun: for whom, after how many others of its namespace since it was asked
    /// for, and how long the lease was.
    struct turn {
        seat where = 0;
        std::size_t before = 0;
        ns lease = 0;
    };
    std::vector<turn> begun;

private:
    struct link {
        explicit link(zproc::serving::hall& h, seat where) : machine(h, where) {}

        zproc::serving::session_fsm machine;
        zproc::protocol::frame_parser overheard{1u << 20};
        buffer inbox; ///< in the socket: nobody reads while the session is parked
        std::function<void(const buffer&)> deliver;
    };
    struct request {
        std::string name_space;
        std::size_t turns_by_then = 0;
    };

    void loop();
    void read(seat who, link& l);
    void note_requests(seat who, link& l, std::span<const std::byte> bytes);
    void pass_turns();
    void arm();

    world& world_;
    options options_;
    store_test::surroundings around_;
    zproc::serving::hall hall_;
    std::map<seat, std::unique_ptr<link>> links_;
    seat next_seat_ = 0;
    ns armed_ = 0;
    std::map<std::string, std::size_t> turns_of_;
    std::map<std::pair<seat, std::uint64_t>, request> asked_;
};

} // namespace simulation
