#include "counts/system_calls.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <exception>
#include <future>
#include <system_error>
#include <thread>

#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace zproc::bench {
namespace {

[[noreturn]] void fail(const char* what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

/// Everything of tracing has to be done by the one thread that has begun it.
class tracer {
public:
    explicit tracer(pid_t of) : of_(of) {}

    void begin()
    {
        if (::ptrace(PTRACE_SEIZE, of_, nullptr, PTRACE_O_TRACESYSGOOD) != 0)
            fail("the process cannot be traced");
        if (::ptrace(PTRACE_INTERRUPT, of_, nullptr, nullptr) != 0)
            fail("the process cannot be stopped");
        if (::waitpid(of_, &status_, __WALL) != of_)
            fail("the process does not stop");
        go_on(0);
    }

    /// Until the first stop after `over`.
    void count(const std::atomic<bool>& counting, const std::atomic<bool>& over,
               std::map<long, std::uint64_t>& calls)
    {
        long entered = -1;
        while (::waitpid(of_, &status_, __WALL) == of_ && WIFSTOPPED(status_)) {
            const int signal = WSTOPSIG(status_);
            if (signal == (SIGTRAP | 0x80)) {
                __ptrace_syscall_info info{};
                ::ptrace(PTRACE_GET_SYSCALL_INFO, of_, sizeof info, &info);
                if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
                    entered = is_look(info) ? -1 : static_cast<long>(info.entry.nr);
                else if (counting && entered >= 0)
                    ++calls[entered];
            }
            if (over) {
                ::ptrace(PTRACE_DETACH, of_, nullptr, nullptr);
                return;
            }
            // Stops of groups and of tracing itself are no signals of the process.
            go_on(signal == (SIGTRAP | 0x80) || status_ >> 16 != 0 ? 0 : signal);
        }
        fail("the process that was traced has gone");
    }

private:
    /// Whether it only looks for what has come, instead of sleeping, or lets others run between two
    /// looks: as often as there is time.
    static bool is_look(const __ptrace_syscall_info& info)
    {
        return info.entry.nr == SYS_sched_yield ||
               (info.entry.nr == SYS_epoll_wait && static_cast<int>(info.entry.args[3]) == 0);
    }

    void go_on(int signal) const
    {
        if (::ptrace(PTRACE_SYSCALL, of_, nullptr, signal) != 0)
            fail("the process cannot go on");
    }

    pid_t of_;
    int status_ = 0;
};

} // namespace

std::map<long, std::uint64_t> count_system_calls(pid_t of, const std::function<void()>& work,
                                                 const std::function<void()>& nudge)
{
    std::map<long, std::uint64_t> calls;
    std::atomic<bool> counting = false;
    std::atomic<bool> over = false;
    std::promise<void> begun;
    std::exception_ptr failed;
    std::thread thread([&] {
        tracer t(of);
        try {
            t.begin();
        } catch (...) {
            begun.set_exception(std::current_exception());
            return;
        }
        begun.set_value();
        try {
            t.count(counting, over, calls);
        } catch (...) {
            failed = std::current_exception();
        }
    });
    const auto end = [&] {
        over = true;
        nudge();
        thread.join();
    };
    try {
        begun.get_future().get();
    } catch (...) {
        thread.join();
        throw;
    }
    try {
        nudge(); // the call that it was waiting in was not seen to begin
        counting = true;
        work();
        counting = false;
    } catch (...) {
        end();
        throw;
    }
    end();
    if (failed)
        std::rethrow_exception(failed);
    return calls;
}

std::string name_of_system_call(long number)
{
    static const std::map<long, const char*> names{
        {SYS_read, "read"},
        {SYS_write, "write"},
        {SYS_recvfrom, "recv"},
        {SYS_recvmsg, "recvmsg"},
        {SYS_sendto, "send"},
        {SYS_sendmsg, "sendmsg"},
        {SYS_poll, "poll"},
        {SYS_ppoll, "ppoll"},
        {SYS_epoll_wait, "epoll_wait"},
        {SYS_epoll_pwait, "epoll_pwait"},
        {SYS_epoll_ctl, "epoll_ctl"},
        {SYS_futex, "futex"},
        {SYS_getpid, "getpid"},
        {SYS_clock_gettime, "clock_gettime"},
        {SYS_brk, "brk"},
        {SYS_mmap, "mmap"},
        {SYS_munmap, "munmap"},
        {SYS_madvise, "madvise"},
    };
    const auto found = names.find(number);
    return found != names.end() ? found->second : "call " + std::to_string(number);
}

} // namespace zproc::bench
