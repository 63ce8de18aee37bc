#include <zproc/process.hpp>

#include <ostream>

#include <signal.h>

namespace zproc::detail {

process_handle::executor_type process_handle::get_executor() const
{
    return core_ ? core_->get_executor() : executor_type(asio::system_executor());
}

pid_t process_handle::pid() const noexcept
{
    return core_ ? core_->pid() : 0;
}

std::string process_handle::name() const
{
    return core_ ? core_->name() : std::string();
}

bool process_handle::running() const noexcept
{
    return core_ && core_->running();
}

process_status process_handle::status() const noexcept
{
    return core_ ? core_->status() : process_status::down;
}

int process_handle::native_handle() const noexcept
{
    return core_ ? core_->native_handle() : -1;
}

error_code process_handle::interrupt() const noexcept
{
    return signal(SIGINT);
}

error_code process_handle::request_exit() const noexcept
{
    return signal(SIGTERM);
}

error_code process_handle::terminate() const noexcept
{
    return signal(SIGKILL);
}

error_code process_handle::signal(int number) const noexcept
{
    return core_ ? core_->signal(number) : error_code(errc::process_gone);
}

std::ostream& operator<<(std::ostream& out, const process_handle& handle)
{
    const auto& core = handle.core_;
    if (!core)
        return out << "<no process>";
    out << "<process '" << core->name() << "' pid " << core->pid();
    if (core->function() != core->name())
        out << " function " << core->function();
    out << " owner " << core->owner();
    if (const auto end = core->ended())
        return out << ' ' << *end << '>';
    switch (core->status()) {
    case process_status::starting: return out << " starting>";
    case process_status::up: return out << (core->running() ? " alive>" : " ended>");
    case process_status::down: break;
    }
    return out << " lost>";
}

} // namespace zproc::detail
