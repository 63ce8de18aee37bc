#include "supervisor/pidfd.hpp"

#include <cerrno>

#include <sys/syscall.h>
#include <unistd.h>

namespace zproc::supervision {

error_code send_signal(int pidfd, int number) noexcept
{
    if (::syscall(SYS_pidfd_send_signal, pidfd, number, nullptr, 0) == 0)
        return {};
    if (errno == ESRCH)
        return errc::process_gone;
    return {errno, boost::system::system_category()};
}

bool is_alive(int pidfd) noexcept
{
    return ::syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) == 0 || errno == EPERM;
}

} // namespace zproc::supervision
