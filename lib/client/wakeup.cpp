#include "client/wakeup.hpp"

#include <array>
#include <utility>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace zproc::client {

namespace {

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

bool add(int epoll, int what)
{
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLET;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, what, &interest) == 0;
}

} // namespace

error_code wakeup::open()
{
    descriptor own(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!own || !epoll || !add(epoll.get(), own.get()))
        return last_error();
    const int copy = ::fcntl(epoll.get(), F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return last_error();
    error_code ec;
    descriptor_.assign(copy, ec);
    if (ec) {
        ::close(copy);
        return ec;
    }
    own_ = std::move(own);
    epoll_ = std::move(epoll);
    return {};
}

void wakeup::listen_to(descriptor shared)
{
    if (shared_)
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, shared_.get(), nullptr);
    add(epoll_.get(), shared.get());
    shared_ = std::move(shared);
}

void wakeup::arm(std::function<void()> awake)
{
    awake_ = std::move(awake);
    if (!armed_)
        wait();
}

void wakeup::wait()
{
    armed_ = true;
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [weak = weak_from_this()](error_code ec) {
                               const auto self = weak.lock();
                               if (!self)
                                   return;
                               self->armed_ = false;
                               if (!self->awake_)
                                   return;
                               if (ec) // disarmed, and armed again before this came
                                   return self->wait();
                               std::array<epoll_event, 2> edge;
                               ::epoll_wait(self->epoll_.get(), edge.data(), 2, 0);
                               std::exchange(self->awake_, nullptr)();
                           });
}

void wakeup::disarm()
{
    if (!armed_)
        return;
    awake_ = nullptr;
    error_code ignored;
    descriptor_.cancel(ignored);
}

} // namespace zproc::client
