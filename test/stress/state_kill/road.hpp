#pragma once

#include "protocol/address.hpp"
#include "server/state_process.hpp"
#include "stress/state_kill/round.hpp"
#include "support/fault_proxy.hpp"
#include "tcp.hpp"

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <utility>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/// How clients come to the state process: over a Unix socket, over TCP, or on a bad road:
/// through somebody who delays, divides, cuts, repeats and swallows what they say.
namespace zproc::test::killing {

class way {
public:
    /// Before anything else is started: the socket that the state process is going to listen on,
    /// and who stands before it.
    explicit way(const std::string& prefix)
    {
        error_code ec;
        server_ = listen(prefix + "-server", server_address_, ec);
        if (!ec && round_plan.on == road::bad_tcp) {
            auto front = listen(prefix + "-front", front_address_, ec);
            if (!ec)
                begin_proxy(std::move(front));
        }
        if (ec)
            throw system_error(ec);
    }
    way(const way&) = delete;
    way& operator=(const way&) = delete;
    ~way()
    {
        if (proxy_ <= 0)
            return;
        ::kill(proxy_, SIGKILL);
        ::waitpid(proxy_, nullptr, 0);
    }

    int listener() const { return server_.get(); }
    std::string address() const
    {
        return protocol::to_string(proxy_ > 0 ? front_address_ : server_address_);
    }

private:
    static descriptor listen(const std::string& path, protocol::address& at, error_code& ec)
    {
        if (round_plan.on == road::local) {
            at.path = path;
            return serving::make_listener(path, ec);
        }
        std::string text;
        at.host = "127.0.0.1";
        return tcp::listen(at, false, at, ec, text);
    }

    void begin_proxy(descriptor front)
    {
        proxy_ = ::fork();
        if (proxy_ != 0)
            return;
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        auto& bad = page->network;
        fault_proxy proxy(
            std::move(front), [this] { return connect_on_loopback(server_address_.port); }, bad,
            round_plan.seed);
        std::minstd_rand engine(round_plan.seed);
        const dice random = [&](unsigned below) { return static_cast<unsigned>(engine() % below); };
        for (;;) {
            weather(bad, random);
            const auto until = monotonic_ms() + 20 + random(300);
            while (monotonic_ms() < until)
                proxy.turn(5);
            // What was swallowed is missing: nothing of those connections may go on.
            if (bad.swallow_requests || bad.swallow_replies || random(3) == 0)
                ++bad.cut_all;
        }
    }

    using dice = std::function<unsigned(unsigned below)>;

    static void weather(faults& bad, const dice& random)
    {
        bad.delay = random(3) == 0 ? random(5000) : 0;
        bad.largest_piece = random(3) == 0 ? 1 + random(40) : 0;
        bad.cut = random(3) == 0 ? random(20) : 0;
        // Who repeats a handshake that needs a secret is a stranger, and all that come from there
        // are kept waiting.
        bad.repeat = round_plan.secret.empty() && random(2) == 0 ? 300u : 0u;
        bad.swallow_requests = random(8) == 0;
        bad.swallow_replies = random(8) == 0;
        bad.refuse = random(16) == 0;
    }

    static std::int64_t monotonic_ms()
    {
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
    }

    descriptor server_;
    protocol::address server_address_;
    protocol::address front_address_;
    pid_t proxy_ = -1;
};

} // namespace zproc::test::killing
