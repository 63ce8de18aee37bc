#include "supervisor/packet.hpp"

#include "supervisor/messages.hpp"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/uio.h>

namespace zproc::supervision {
namespace {

union control_space {
    cmsghdr align;
    char bytes[CMSG_SPACE(max_descriptors * sizeof(int))];
};

} // namespace

int send_packet(int socket, std::span<const std::byte> bytes, std::span<const int> descriptors)
{
    if (bytes.size() > max_message || descriptors.size() > max_descriptors)
        return EMSGSIZE;

    iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;

    control_space control;
    if (!descriptors.empty()) {
        std::memset(control.bytes, 0, CMSG_SPACE(descriptors.size_bytes())); // the gaps, too
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        auto* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    }

    while (::sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

received_packet packet_receiver::receive(int socket)
{
    if (!buffer_)
        buffer_ = std::make_unique_for_overwrite<std::byte[]>(max_message);

    iovec part{buffer_.get(), max_message};
    control_space control;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;

    // A reset says that the other side died with something of ours unread. It is told once, and
    // before what that side had written: the news of a dead process must not be lost for it.
    ssize_t size;
    do
        size = ::recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (size < 0 && (errno == EINTR || errno == ECONNRESET));

    received_packet result;
    if (size < 0) {
        result.what = errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM
                          ? received_packet::outcome::nothing_yet
                          : received_packet::outcome::closed;
        return result;
    }

    // Descriptors that came are owned before anything else is decided.
    for (auto* each = CMSG_FIRSTHDR(&header); each; each = CMSG_NXTHDR(&header, each))
        if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_RIGHTS) {
            const auto count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i != count; ++i) {
                int number;
                std::memcpy(&number, CMSG_DATA(each) + i * sizeof(int), sizeof number);
                if (auto own = above_standard(descriptor(number)))
                    result.descriptors.push_back(std::move(own));
                else
                    result.incomplete = true;
            }
        }

    // An empty packet is what the end of the stream looks like; nobody here sends one.
    if (size == 0 && result.descriptors.empty()) {
        result.what = received_packet::outcome::closed;
        return result;
    }
    result.what = received_packet::outcome::got;
    result.incomplete = result.incomplete || (header.msg_flags & MSG_CTRUNC) != 0;
    if ((header.msg_flags & MSG_TRUNC) == 0)
        result.bytes = {buffer_.get(), static_cast<std::size_t>(size)};
    return result;
}

packet_pair make_packet_pair()
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return {};
    packet_pair made{above_standard(descriptor(ends[0])), above_standard(descriptor(ends[1]))};
    return made.first && made.second ? std::move(made) : packet_pair();
}

} // namespace zproc::supervision
