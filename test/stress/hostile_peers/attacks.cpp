#include "protocol/address.hpp"
#include "protocol/layout.hpp"
#include "stress/hostile_peers/parts.hpp"
#include "support/secret_client.hpp"
#include "tcp.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

namespace zproc::test::hostile {

namespace {

using protocol::buffer;
using protocol::bytes_view;

constexpr std::size_t most_held = 256;

void pause()
{
    const timespec little{0, 1'000'000};
    ::nanosleep(&little, nullptr);
}

bytes_view as_bytes(const char* text)
{
    return std::as_bytes(std::span(text, std::strlen(text)));
}

/// What was answered is a welcome.
bool is_welcome(bytes_view said)
{
    protocol::frame_parser parser(protocol::max_reply_bytes);
    const auto room = parser.prepare(said.size());
    std::memcpy(room.data(), said.data(), said.size());
    parser.commit(said.size());
    protocol::frame f;
    while (parser.next(f) == protocol::frame_parser::found)
        if (f.code == protocol::operation::hello && f.status == 0)
            return true;
    return false;
}

class attacker {
public:
    attacker(const std::string& server, unsigned seed) : random_(seed)
    {
        std::string text;
        if (protocol::parse_address(server, protocol::side::client, server_, text).failed())
            throw std::runtime_error(text);
        error_code ec;
        protocol::address local;
        local.host = "127.0.0.1";
        decoy_ = tcp::listen(local, false, decoy_address_, ec, text);
        if (ec.failed())
            throw system_error(ec, text);
        ::fcntl(decoy_.get(), F_SETFL, O_NONBLOCK);

        secret_client honest(server_, secret);
        if (const auto refused = honest.greet(); refused.failed())
            throw system_error(refused);
        hello_ = honest.hello;
        proof_ = honest.proof;
        guess_ = proof_;
        guess_.back() ^= std::byte{1};
    }

    void run()
    {
        while (!page->over) {
            const auto whom = page->whom.load();
            if (const auto what = page->what.load(); what != now_ || whom != whom_) {
                held_.clear();
                greedy_.clear();
                now_ = what;
                whom_ = whom;
            }
            if (whom == target::nobody)
                pause();
            else if (now_ == kind::never_reads)
                ask_for_much();
            else if (now_ == kind::insider)
                come_in();
            else
                attempt();
        }
    }

private:
    void attempt()
    {
        const bool real = whom_ == target::server;
        auto socket = connect(real ? server_ : decoy_address_);
        if (!socket)
            return pause(); // no more ports, for a moment
        say(socket.get());
        if (real)
            ++page->attempts;
        else
            play_decoy();
        if (now_ == kind::churn)
            return;
        held_.push_back(std::move(socket));
        if (held_.size() > most_held) {
            listen_to(held_.front().get());
            held_.pop_front();
        }
    }

    void say(int socket)
    {
        switch (now_) {
        case kind::garbage: return send(socket, as_bytes("GET / HTTP/1.1\r\nHost: state\r\n\r\n"));
        case kind::halves: return send(socket, bytes_view(hello_).first(hello_.size() / 2));
        case kind::guesses: send(socket, hello_); return send(socket, guess_);
        case kind::replays: send(socket, hello_); return send(socket, proof_);
        default: return;
        }
    }

    void listen_to(int socket)
    {
        std::array<std::byte, 4096> said;
        const auto count = ::recv(socket, said.data(), said.size(), MSG_DONTWAIT);
        if (count > 0 && whom_ == target::server &&
            is_welcome(bytes_view(said).first(static_cast<std::size_t>(count))))
            ++page->came_in;
    }

    /// Accepts, reads and answers as little as a server can.
    void play_decoy()
    {
        descriptor client(::accept4(decoy_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!client)
            return;
        std::array<std::byte, 4096> said;
        if (::recv(client.get(), said.data(), said.size(), MSG_DONTWAIT) > 0)
            send(client.get(), as_bytes("this is not the server that you are looking for"));
    }

    descriptor connect(const protocol::address& to)
    {
        descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!socket)
            return {};
        // Reset at the end: nothing is left that would keep a port.
        const linger at_once{1, 0};
        ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        const auto number = page->many_addresses ? static_cast<unsigned>(random_() % 60'000) : 0;
        sockaddr_in own{};
        own.sin_family = AF_INET;
        own.sin_addr.s_addr = htonl(0x7f010000u + number); // not where the others come from
        const int later = 1; // the port: or those of all addresses together would run out
        ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later);
        if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
            return {};
        sockaddr_in there{};
        there.sin_family = AF_INET;
        there.sin_port = htons(to.port);
        there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0 &&
            errno != EINPROGRESS)
            return {};
        return socket;
    }

    void ask_for_much()
    {
        if (whom_ == target::decoy)
            return pause();
        constexpr std::size_t crowd = 32;
        if (greedy_.size() == crowd)
            return pause();
        auto fresh = std::make_unique<secret_client>(server_, secret);
        if (fresh->greet().failed())
            return pause();
        buffer out;
        for (std::uint32_t i = 0; i != 64; ++i)
            protocol::write_request(out, i, protocol::get_request{"default", "large"});
        // As many as it takes, then no more.
        const auto whole = static_cast<ssize_t>(out.size());
        while (::send(fresh->wire.socket(), out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
               whole)
            ++page->attempts;
        greedy_.push_back(std::move(fresh));
    }

    void come_in()
    {
        secret_client known(server_, secret);
        if (!known.greet().failed())
            ++page->came_in;
        ++page->attempts;
    }

    static void send(int socket, bytes_view bytes)
    {
        (void)!::send(socket, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    std::mt19937 random_;
    protocol::address server_;
    descriptor decoy_;
    protocol::address decoy_address_;
    buffer hello_, proof_, guess_;
    kind now_ = kind::churn;
    target whom_ = target::nobody;
    std::deque<descriptor> held_;
    std::vector<std::unique_ptr<secret_client>> greedy_;
};

} // namespace

void attack(std::string address, unsigned seed)
{
    attacker(address, seed).run();
}

} // namespace zproc::test::hostile
