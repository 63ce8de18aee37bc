#include "supervisor/pidfd.hpp"

#include <cerrno>
#include <fstream>
#include <string>

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
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(pidfd));
    for (std::string word; info >> word;)
        if (word == "Pid:") {
            pid_t number = -1;
            info >> number;
            return number > 0 ? number : -1;
        }
    return -1;
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
