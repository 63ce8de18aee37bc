#include "supervisor/stop_signals.hpp"

#include <boost/system/error_code.hpp>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace zproc::supervision {

namespace {

// What the handler needs.
std::atomic<int> first_signal{0};
std::atomic<bool> seen_interrupt{false};
std::atomic<bool> seen_terminate{false};
std::atomic<int> wake_descriptor{-1};
std::atomic<pid_t> supervisor_pid{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void on_stop(int number, siginfo_t* info, void*)
{
    const int saved = errno;
    auto& seen = number == SIGINT ? seen_interrupt : seen_terminate;
    if (seen.exchange(true)) {
        const bool insists = info->si_code != SI_USER || info->si_pid != supervisor_pid.load();
        if (insists)
            end_by_signal(number);
    } else {
        int none = 0;
        if (first_signal.compare_exchange_strong(none, number)) {
            const std::uint64_t one = 1;
            static_cast<void>(!::write(wake_descriptor.load(), &one, sizeof one));
        }
    }
    errno = saved;
}

} // namespace

stop_signals::stop_signals(boost::asio::io_context& io, pid_t supervisor) : wake_(io)
{
    supervisor_pid = supervisor;
}

void stop_signals::listen(std::function<void()> asked)
{
    wake_.assign(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    wake_descriptor = wake_.native_handle();
    wake_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [asked = std::move(asked)](boost::system::error_code ec) {
                         if (!ec)
                             asked();
                     });
    struct sigaction action{};
    action.sa_sigaction = &on_stop;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

int stop_signals::first() noexcept
{
    return first_signal;
}

void end_by_signal(int number) noexcept
{
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    ::sigaction(number, &action, nullptr);
    sigset_t just;
    ::sigemptyset(&just);
    ::sigaddset(&just, number);
    ::sigprocmask(SIG_UNBLOCK, &just, nullptr);
    ::raise(number);
}

} // namespace zproc::supervision
