#include "supervisor/channel.hpp"

#include <boost/asio/error.hpp>

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zproc::supervision {

namespace {

struct packet_header {
    std::uint32_t kind;
    std::uint32_t beside; ///< 1 when the body is in a memfd
};

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

/// Room for the one descriptor that may travel with a packet.
struct alignas(cmsghdr) control_buffer {
    std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

descriptor received_descriptor(msghdr& message)
{
    descriptor found;
    for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        int number = -1;
        std::memcpy(&number, CMSG_DATA(part), sizeof number);
        found.reset(number);
    }
    return found;
}

} // namespace

descriptor make_file(std::string_view body, error_code& ec)
{
    descriptor file = above_standard(descriptor(::memfd_create("zproc-packet", MFD_CLOEXEC)));
    if (!file) {
        ec = last_error();
        return file;
    }
    if (body.size() > max_packet_body) {
        ec = errc::too_large;
        return {};
    }
    while (!body.empty()) {
        const auto written = ::write(file.get(), body.data(), body.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            ec = last_error();
            return {};
        }
        body.remove_prefix(static_cast<std::size_t>(written));
    }
    return file;
}

std::optional<std::string> read_file(int file)
{
    struct stat about{};
    if (::fstat(file, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size < 0 ||
        static_cast<std::uint64_t>(about.st_size) > max_packet_body)
        return std::nullopt;
    std::string body(static_cast<std::size_t>(about.st_size), '\0');
    std::size_t have = 0;
    while (have != body.size()) {
        const auto got =
            ::pread(file, body.data() + have, body.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return std::nullopt;
        have += static_cast<std::size_t>(got);
    }
    return body;
}

channel_ends make_channel(error_code& ec)
{
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        ec = last_error();
    channel_ends made{above_standard(descriptor(ends[0])), above_standard(descriptor(ends[1]))};
    if (!ec && (!made.owner || !made.process))
        ec = last_error();
    return made;
}

error_code send_packet(int channel, packet_kind kind, std::string_view body)
{
    if (body.size() > max_packet_body)
        return errc::too_large;
    packet_header header{static_cast<std::uint32_t>(kind), 0};
    std::array<iovec, 2> parts{
        iovec{&header, sizeof header},
        iovec{const_cast<char*>(body.data()), body.size()},
    };
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();

    error_code ec;
    descriptor file;
    control_buffer control;
    if (body.size() > max_inline_body) {
        file = make_file(body, ec);
        if (ec)
            return ec;
        header.beside = 1;
        message.msg_iovlen = 1;
        message.msg_control = control.bytes.data();
        message.msg_controllen = control.bytes.size();
        auto* const part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        const int number = file.get();
        std::memcpy(CMSG_DATA(part), &number, sizeof number);
    }
    while (::sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno != EINTR)
            return last_error();
    }
    return {};
}

std::optional<packet> receive_packet(int channel, bool wait, error_code& ec)
{
    ec = {};
    packet_header header{};
    // Not filled with zeros: pages that nothing is written to cost a young process nothing.
    std::array<char, max_inline_body> body; // NOLINT(cppcoreguidelines-pro-type-member-init)
    std::array<iovec, 2> parts{
        iovec{&header, sizeof header},
        iovec{body.data(), body.size()},
    };
    control_buffer control;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();

    ssize_t got = -1;
    do {
        got = ::recvmsg(channel, &message, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
    } while (got < 0 && (errno == EINTR || errno == ECONNRESET)); // as in packet.cpp
    if (got < 0) {
        ec = errno == EAGAIN || errno == EWOULDBLOCK ? error_code(boost::asio::error::would_block)
                                                     : last_error();
        return std::nullopt;
    }
    if (got == 0)
        return std::nullopt;

    const auto file = received_descriptor(message);
    packet received{static_cast<packet_kind>(header.kind), {}};
    const bool whole = static_cast<std::size_t>(got) >= sizeof header &&
                       (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
    if (whole && header.beside == 0) {
        received.body.assign(body.data(), static_cast<std::size_t>(got) - sizeof header);
        return received;
    }
    if (whole && file)
        if (auto content = read_file(file.get())) {
            received.body = std::move(*content);
            return received;
        }
    ec = errc::malformed_frame;
    return std::nullopt;
}

} // namespace zproc::supervision
