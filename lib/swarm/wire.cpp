#include "swarm/wire.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

namespace zproc::swarming {

namespace {

constexpr std::size_t most_descriptors = 16; ///< that come before anybody takes them

constexpr std::size_t sealed_size = std::size_t{32} << 10; ///< of one read

bool is_for_now(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM ||
           error == ETOOMANYREFS;
}

union control_space {
    cmsghdr align;
    char bytes[CMSG_SPACE(4 * sizeof(int))];
};

} // namespace

wire::wire(const boost::asio::any_io_executor& io, descriptor socket, bool descriptors,
           std::unique_ptr<tls::session> tls)
    : socket_(std::make_unique<boost::asio::posix::stream_descriptor>(io, socket.get())),
      tls_(std::move(tls)),
      descriptors_(descriptors && !tls_)
{
    socket.release();
}

wire::~wire() = default;

void wire::put(const frame& f, int with)
{
    if (with >= 0)
        beside_.emplace_back(out_.size(), duplicate_of(with));
    write_frame(out_, f);
}

bool wire::has_unsent() const noexcept
{
    return tls_ ? !tls_->output().empty() || (tls_->established() && !out_.empty()) : !out_.empty();
}

std::string_view wire::tls_text() const noexcept
{
    return tls_ && tls_->error() ? std::string_view(tls_->text()) : std::string_view();
}

wire::outcome wire::flush_sealed()
{
    // Until the two have agreed, only the handshake goes.
    if (tls_->established() && !out_.empty()) {
        if (!tls_->seal(std::as_bytes(std::span(out_))))
            return outcome::closed;
        out_.clear();
    }
    auto& sealed = tls_->output();
    while (sent_ != sealed.size()) {
        const auto size = ::send(socket_->native_handle(), sealed.data() + sent_,
                                 sealed.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return is_for_now(errno) ? outcome::later : outcome::closed;
        sent_ += static_cast<std::size_t>(size);
    }
    sealed.clear();
    sent_ = 0;
    return outcome::done;
}

wire::outcome wire::fill_sealed()
{
    std::array<std::byte, sealed_size> sealed;
    ssize_t size;
    do
        size = ::recv(socket_->native_handle(), sealed.data(), sealed.size(), MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return is_for_now(errno) ? outcome::later : outcome::closed;
    if (size == 0 || !tls_->received(std::span(sealed).first(static_cast<std::size_t>(size))))
        return outcome::closed;
    for (;;) {
        const auto count = tls_->open(std::as_writable_bytes(in_.room()));
        if (count == 0)
            break;
        in_.filled(count);
    }
    return tls_->error() ? outcome::closed : outcome::done;
}

wire::outcome wire::flush()
{
    if (tls_)
        return flush_sealed();
    while (sent_ != out_.size()) {
        auto end = out_.size();
        const bool one_goes_along = !beside_.empty() && beside_.front().first == sent_;
        if (beside_.size() > std::size_t{one_goes_along})
            end = std::min(end, beside_[one_goes_along ? 1 : 0].first);
        iovec part{out_.data() + sent_, end - sent_};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        control_space control;
        if (one_goes_along) {
            std::memset(control.bytes, 0, CMSG_SPACE(sizeof(int)));
            header.msg_control = control.bytes;
            header.msg_controllen = CMSG_SPACE(sizeof(int));
            auto* rights = CMSG_FIRSTHDR(&header);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(sizeof(int));
            const int number = beside_.front().second.get();
            std::memcpy(CMSG_DATA(rights), &number, sizeof number);
        }
        const auto size = ::sendmsg(socket_->native_handle(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return is_for_now(errno) ? outcome::later : outcome::closed;
        if (one_goes_along)
            beside_.pop_front();
        sent_ += static_cast<std::size_t>(size);
    }
    out_.clear();
    sent_ = 0;
    return outcome::done;
}

wire::outcome wire::fill()
{
    if (tls_)
        return fill_sealed();
    const auto room = in_.room();
    iovec part{room.data(), room.size()};
    control_space control;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (descriptors_) {
        header.msg_control = control.bytes;
        header.msg_controllen = sizeof control.bytes;
    }
    ssize_t size;
    do
        size = ::recvmsg(socket_->native_handle(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return is_for_now(errno) ? outcome::later : outcome::closed;
    for (auto* each = CMSG_FIRSTHDR(&header); each; each = CMSG_NXTHDR(&header, each))
        if (each->cmsg_level == SOL_SOCKET && each->cmsg_type == SCM_RIGHTS) {
            const auto count = (each->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i != count; ++i) {
                int number;
                std::memcpy(&number, CMSG_DATA(each) + i * sizeof(int), sizeof number);
                received_.emplace_back(number);
            }
        }
    // One that is missing would leave the frames of others with the wrong ones.
    if ((header.msg_flags & MSG_CTRUNC) != 0 || received_.size() > most_descriptors)
        broken_ = true;
    if (size == 0 || broken_)
        return outcome::closed;
    in_.filled(static_cast<std::size_t>(size));
    return outcome::done;
}

std::optional<frame> wire::next()
{
    return broken_ ? std::nullopt : in_.next();
}

descriptor wire::take_descriptor()
{
    if (received_.empty())
        return {};
    auto taken = std::move(received_.front());
    received_.pop_front();
    return taken;
}

descriptor duplicate_of(int number) noexcept
{
    descriptor lent(number);
    auto made = lent.duplicate();
    static_cast<void>(lent.release());
    return made;
}

std::pair<descriptor, descriptor> make_wire_pair()
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return {};
    std::pair<descriptor, descriptor> made(above_standard(descriptor(ends[0])),
                                           above_standard(descriptor(ends[1])));
    if (!made.first || !made.second)
        return {};
    return made;
}

} // namespace zproc::swarming
