#include "server/connection.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace zproc::serving {

namespace {

constexpr std::size_t most_files = 8; // at once; what is beyond them is dropped by the kernel

} // namespace

connection::connection(descriptor socket, hall& shared, seat where, std::int64_t ticks,
                       std::optional<throttle::peer> from, std::shared_ptr<const tls::terms> terms)
    : socket_(std::move(socket)),
      from_(from),
      machine_(shared, where, from.has_value()),
      stuck_since_(ticks)
{
    if (terms)
        tls_ = std::make_unique<tls::session>(std::move(terms));
}

bool connection::read(std::int64_t wall)
{
    const bool before = machine_.greeted();
    if (!(tls_ ? read_sealed(wall) : read_plain(wall)))
        return false;
    if (!before && machine_.greeted())
        stuck_since_ = 0;
    return true;
}

bool connection::read_sealed(std::int64_t wall)
{
    std::array<std::byte, session_fsm::read_size> sealed;
    const auto count = ::recv(socket_.get(), sealed.data(), sealed.size(), MSG_DONTWAIT);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    if (count == 0)
        return false;
    come_ += static_cast<std::uint64_t>(count);
    const auto come = protocol::bytes_view(sealed).first(static_cast<std::size_t>(count));
    if (!std::exchange(said_something_, true) && !tls::begins_tls(come))
        return refuse_plain();
    if (!tls_->received(come)) {
        send_sealed(); // why
        return false;
    }
    // Everything that one read has brought is one piece of work.
    while (!machine_.closing()) {
        const auto room = machine_.prepare();
        std::size_t plain = 0;
        while (plain != room.size()) {
            const auto some = tls_->open(room.subspan(plain));
            if (some == 0)
                break;
            plain += some;
        }
        if (plain != 0)
            machine_.received(plain, 0, wall);
        if (plain != room.size())
            return !tls_->error();
    }
    return true; // its answer says why
}

/// A client that does not know of TLS: what it understands is our own.
bool connection::refuse_plain()
{
    refused_plain_ = true;
    protocol::buffer out;
    protocol::write_error(out, 0, protocol::operation::hello, errc::tls_required);
    (void)!::send(socket_.get(), out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return false;
}

bool connection::read_plain(std::int64_t wall)
{
    const auto room = machine_.prepare();
    if (room.empty())
        return false;
    iovec into{room.data(), room.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(most_files * sizeof(int))> beside;
    msghdr message{};
    message.msg_iov = &into;
    message.msg_iovlen = 1;
    message.msg_control = beside.data();
    message.msg_controllen = beside.size();
    const auto count = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    if (count == 0)
        return false;

    come_ += static_cast<std::uint64_t>(count);
    std::size_t files = 0;
    for (auto* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        std::array<int, most_files> numbers{};
        const auto size = std::min(part->cmsg_len - CMSG_LEN(0), sizeof numbers);
        std::memcpy(numbers.data(), CMSG_DATA(part), size);
        const auto got = size / sizeof(int);
        adopt({numbers.data(), got});
        files += got;
    }
    machine_.received(static_cast<std::size_t>(count), files, wall);
    return true;
}

void connection::adopt(std::span<const int> files)
{
    for (const int file : files)
        received_.emplace_back(file);
}

bool connection::write(const rings& shared, std::int64_t ticks)
{
    auto& output = machine_.output();
    auto& attachments = machine_.attachments();
    const auto before = taken_;
    const auto how = tls_ ? send_sealed() : send_plain(shared);
    if (how == sent::failed)
        return false;
    if (machine_.greeted() && taken_ != before)
        stuck_since_ = 0;
    if (how == sent::some && stuck_since_ == 0)
        stuck_since_ = ticks;
    if (written_ == output.size() ||
        (written_ >= session_fsm::high_water && written_ >= output.size() / 2)) {
        for (auto& each : attachments)
            each.offset -= written_;
        output.erase(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(written_));
        written_ = 0;
        // One large reply does not mean that the next will be.
        if (output.empty() && output.capacity() > 2 * session_fsm::high_water)
            protocol::buffer().swap(output);
        machine_.output_written();
    }
    return true;
}

connection::sent connection::send_plain(const rings& shared)
{
    auto& output = machine_.output();
    auto& attachments = machine_.attachments();
    while (written_ != output.size()) {
        msghdr message{};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(protocol::attach_descriptors * sizeof(int))>
            beside{};
        auto end = output.size();
        // Descriptors ride on the first byte of their reply, so a write begins or ends there.
        const bool rides = !attachments.empty() && attachments.front().offset == written_;
        if (rides) {
            if (attachments.front().with_eventfd && !received_.empty()) {
                auto mine = std::move(received_.front());
                received_.pop_front();
                if (is_eventfd(mine.get())) {
                    ::fcntl(mine.get(), F_SETFL, O_NONBLOCK);
                    wake_ = std::move(mine);
                }
                attachments.front().with_eventfd = false;
            }
            const std::array<int, protocol::attach_descriptors> files{
                shared.ring_file(), shared.control_file(), shared.wake_file()};
            message.msg_control = beside.data();
            message.msg_controllen = beside.size();
            auto* part = CMSG_FIRSTHDR(&message);
            part->cmsg_level = SOL_SOCKET;
            part->cmsg_type = SCM_RIGHTS;
            part->cmsg_len = CMSG_LEN(sizeof files);
            std::memcpy(CMSG_DATA(part), files.data(), sizeof files);
            if (attachments.size() > 1)
                end = attachments[1].offset;
        } else if (!attachments.empty()) {
            end = attachments.front().offset;
        }
        std::size_t count = 0;
        const auto well = send_once(message, {output.data() + written_, end - written_}, count);
        if (well != sent::all)
            return well;
        if (rides)
            attachments.erase(attachments.begin());
        written_ += count;
    }
    return sent::all;
}

/// What is sealed waits here, too, so it is little at a time.
connection::sent connection::send_sealed()
{
    constexpr std::size_t piece = 64u << 10;
    const auto& output = machine_.output();
    auto& sealed = tls_->output();
    for (;;) {
        while (!sealed.empty()) {
            msghdr message{};
            std::size_t count = 0;
            const auto well = send_once(message, sealed, count);
            if (well != sent::all)
                return well;
            sealed.erase(sealed.begin(), sealed.begin() + static_cast<std::ptrdiff_t>(count));
        }
        const auto more = std::min(piece, output.size() - written_);
        if (more == 0)
            return sent::all;
        if (!tls_->seal(protocol::bytes_view(output).subspan(written_, more)))
            return sent::failed;
        written_ += more;
    }
}

/// `all`: as much as the system took, which is something.
connection::sent connection::send_once(msghdr& message, std::span<std::byte> bytes,
                                       std::size_t& count)
{
    iovec from{bytes.data(), bytes.size()};
    message.msg_iov = &from;
    message.msg_iovlen = 1;
    for (;;) {
        const auto took = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (took >= 0) {
            count = static_cast<std::size_t>(took);
            taken_ += count;
            return sent::all;
        }
        if (errno != EINTR)
            return errno == EAGAIN ? sent::some : sent::failed;
    }
}

} // namespace zproc::serving
