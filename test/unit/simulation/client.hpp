#pragma once

#include "client/multiplexer.hpp"
#include "client/transaction_fsm.hpp"
#include "unit/simulation/server.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace simulation {

using zproc::error_code;

/// The machines of a client's connection, on a line to the server that takes its time.
class client {
public:
    client(world& w, server& s, ns shortest_way = 20 * us, ns longest_way = 80 * us);

    void submit(std::unique_ptr<zproc::client::call> what);
    /// Adds to a number; `done(how long it took)`.
    void increment(const std::string& key, std::function<void(ns)> done);

    void hold_back(std::uint64_t turn, ns until);
    void let_go(std::uint64_t turn);

    /// SIGKILL: the server learns it at once.
    void kill();
    /// SIGSTOP, for good: the server learns nothing.
    void freeze() { alive_ = false; }
    /// The connection breaks, and what is on its way is lost. The next one resumes the session;
    /// the server learns of the break by then.
    void reconnect();

    zproc::client::contention met;

    bool alive() const { return alive_; }
    seat where() const { return seat_; }
    world& clock() { return world_; }
    std::uint64_t new_tickets() { return (++functions_ << 20) + 1; }

private:
    void connect();
    void flush();
    void send(const buffer& bytes);
    void receive(const buffer& bytes);

    world& world_;
    server& server_;
    ns shortest_way_;
    ns longest_way_;
    zproc::client::multiplexer calls_;
    std::unique_ptr<zproc::protocol::frame_parser> in_;
    seat seat_ = 0;
    std::uint64_t session_ = 0;
    std::uint64_t life_ = 0;
    std::uint64_t functions_ = 0;
    bool alive_ = true;
    bool greeted_ = false;
    bool flushing_ = false;
    ns last_sent_ = 0; ///< arrives then; nothing overtakes it
    ns last_received_ = 0;
};

/// An atomic function on its way, driven as `client::transaction` drives it; a run takes as long
/// as `think` says.
class atomic : public std::enable_shared_from_this<atomic> {
public:
    using function = std::function<void(zproc::draft&)>;
    /// How it ended, and how long it took.
    using completion = std::function<void(error_code, ns)>;

    static std::shared_ptr<atomic> start(client& c, std::string name_space, function f,
                                         std::function<ns()> think, completion done);

    /// Called when a turn begins, for a client that is to die then.
    std::function<void()> on_turn;

    atomic(client& c, std::string name_space, function f, std::function<ns()> think,
           completion done);

private:
    using action = zproc::client::transaction_fsm::action;
    struct request;

    void run();
    void go_on(action what);
    void answered(error_code ec, std::span<const std::byte> body);
    void finish();

    client& client_;
    std::string name_space_;
    zproc::client::transaction_fsm machine_;
    function f_;
    std::function<ns()> think_;
    completion done_;
    ns started_;
    std::uint64_t turn_ = 0;
};

} // namespace simulation
