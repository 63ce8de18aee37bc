#include "client/observer.hpp"

#include "protocol/frame.hpp"
#include "protocol/handshake.hpp"
#include "protocol/messages.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace zproc::client {

namespace {

using clock = std::chrono::steady_clock;

constexpr clock::duration first_pause = std::chrono::milliseconds(1);
constexpr clock::duration longest_pause = std::chrono::milliseconds(100);
constexpr clock::duration longest_wait = std::chrono::hours(1); ///< of one poll(2)

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

/// One attempt: a connection, two requests in one write, two answers.
class attempt {
public:
    explicit attempt(clock::time_point deadline) : deadline_(deadline) {}

    error_code run(const sockaddr_un& to, attachment& out)
    {
        socket_ = descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!socket_ ||
            ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
            return last_error();
        if (const auto ec = ask())
            return ec;
        protocol::frame f;
        protocol::server_hello hello;
        std::string text;
        if (const auto ec = next(f))
            return ec;
        if (const auto ec = protocol::read_welcome(f, hello, text, true))
            return ec;
        if (const auto ec = next(f))
            return ec;
        protocol::attach_reply reply;
        auto ec = f.error();
        if (!ec)
            ec = protocol::decode(f.body, reply);
        if (!ec && files_.size() != protocol::attach_descriptors)
            ec = errc::malformed_frame;
        if (ec)
            return ec;
        out = {hello.instance, reply.generation, std::move(files_[0]), std::move(files_[1])};
        return {};
    }

private:
    error_code ask()
    {
        protocol::client_hello hello;
        hello.observer = true;
        protocol::buffer out;
        protocol::write_hello(out, 0, hello);
        protocol::write_request(out, 1, protocol::attach_request{});
        // A fresh socket takes so little at once.
        if (::send(socket_.get(), out.data(), out.size(), MSG_NOSIGNAL) < 0)
            return last_error();
        return {};
    }

    error_code next(protocol::frame& f)
    {
        for (;;) {
            switch (in_.next(f)) {
            case protocol::frame_parser::found: return {};
            case protocol::frame_parser::failed: return errc::not_a_zproc_server;
            case protocol::frame_parser::incomplete: break;
            }
            if (const auto ec = wait())
                return ec;
            if (const auto ec = receive())
                return ec;
        }
    }

    error_code wait() const
    {
        const auto left = deadline_ - clock::now();
        if (left <= clock::duration::zero())
            return errc::server_silent;
        const auto step =
            std::chrono::ceil<std::chrono::milliseconds>(std::min(left, longest_wait));
        pollfd readable{socket_.get(), POLLIN, 0};
        return ::poll(&readable, 1, static_cast<int>(step.count())) < 0 && errno != EINTR
                   ? last_error()
                   : error_code();
    }

    error_code receive()
    {
        const auto room = in_.prepare(protocol::max_hello_bytes);
        iovec piece{room.data(), room.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(protocol::attach_descriptors * sizeof(int))>
            beside{};
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = beside.data();
        message.msg_controllen = beside.size();
        const auto count = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
        if (count < 0)
            return errno == EAGAIN || errno == EINTR ? error_code() : last_error();
        for (auto* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
            if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
                continue;
            for (std::size_t at = CMSG_LEN(0); at + sizeof(int) <= part->cmsg_len;
                 at += sizeof(int)) {
                int number = -1;
                std::memcpy(&number, reinterpret_cast<const char*>(part) + at, sizeof number);
                files_.emplace_back(number);
            }
        }
        if (count == 0)
            return errc::connection_lost;
        in_.commit(static_cast<std::size_t>(count));
        return {};
    }

    clock::time_point deadline_;
    descriptor socket_;
    protocol::frame_parser in_{protocol::max_hello_bytes};
    std::vector<descriptor> files_;
};

/// What a successor may mend.
bool passes(const error_code& ec)
{
    namespace system = boost::system::errc;
    return ec == system::connection_refused || ec == system::no_such_file_or_directory ||
           ec == system::resource_unavailable_try_again || ec == system::connection_reset ||
           ec == system::broken_pipe || ec == errc::connection_lost || ec == errc::too_busy;
}

/// What it comes to in the end, in the words of zproc.
error_code verdict(const error_code& ec)
{
    namespace system = boost::system::errc;
    if (ec == system::connection_refused || ec == system::no_such_file_or_directory)
        return errc::server_absent;
    if (ec == system::resource_unavailable_try_again)
        return errc::server_silent; // it accepts nobody
    if (ec == system::connection_reset || ec == system::broken_pipe)
        return errc::connection_lost;
    if (ec == system::permission_denied)
        return errc::peer_not_permitted;
    if (ec == system::wrong_protocol_type)
        return errc::not_a_zproc_server;
    return ec;
}

} // namespace

error_code attach_as_observer(const std::string& path, std::chrono::nanoseconds limit,
                              attachment& out)
{
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof to.sun_path)
        return errc::bad_address;
    std::memcpy(to.sun_path, path.data(), path.size());

    const auto begin = clock::now();
    const auto deadline =
        begin + std::min<clock::duration>(limit, clock::time_point::max() - begin);
    for (auto pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
        const auto ec = attempt(deadline).run(to, out);
        if (!ec)
            return {};
        if (!passes(ec) || deadline - clock::now() <= pause)
            return verdict(ec);
        std::this_thread::sleep_for(pause);
    }
}

} // namespace zproc::client
