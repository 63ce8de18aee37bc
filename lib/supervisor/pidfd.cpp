#include "supervisor/pidfd.hpp"

#include "supervisor/reserve.hpp"

#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

/// False, and errno.
bool send(int pidfd, int number) noexcept
{
    if (::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) == 0)
        return true;
    if (errno != ENOSYS)
        return false;
    // valgrind knows pidfds, but not this call.
    const auto pid = number_in_proc(pidfd);
    if (pid > 0)
        return ::kill(pid, number) == 0;
    errno = ESRCH;
    return false;
}

} // namespace

descriptor open_pidfd(pid_t pid) noexcept
{
    return descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

pid_t number_in_proc(int pidfd)
{
    std::string info;
    if (!read_file(("/proc/self/fdinfo/" + std::to_string(pidfd)).c_str(), info))
        return -1;
    constexpr std::string_view before = "\nPid:\t";
    const auto line = info.find(before);
    pid_t number = -1;
    if (line != std::string::npos)
        std::from_chars(info.data() + line + before.size(), info.data() + info.size(), number);
    return number > 0 ? number : -1;
}

error_code send_signal(int pidfd, int number) noexcept
{
    if (send(pidfd, number))
        return {};
    if (errno == ESRCH)
        return errc::process_gone;
    return {errno, boost::system::system_category()};
}

bool is_alive(int pidfd) noexcept
{
    return send(pidfd, 0) || errno == EPERM;
}

} // namespace zproc::supervision
