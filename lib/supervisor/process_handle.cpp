#include <zproc/process.hpp>

#include <ostream>

#include <signal.h>

namespace zproc {

std::string_view to_string(process_status status) noexcept
{
    switch (status) {
    case process_status::starting: return "starting";
    case process_status::up: return "up";
    case process_status::ready: return "ready";
    case process_status::stopping: return "stopping";
    case process_status::backoff: return "backoff";
    case process_status::failed: return "failed";
    case process_status::down: return "down";
    }
    return "?";
}

std::ostream& operator<<(std::ostream& out, process_status status)
{
    return out << to_string(status);
}

} // namespace zproc

namespace zproc::detail {

std::optional<exit_info> process_handle::last_exit() const
{
    return core_ ? core_->last_exit() : std::nullopt;
}

process_handle::executor_type process_handle::get_executor() const
{
    return core_ ? core_->get_executor() : executor_type(asio::system_executor());
}

std::uint64_t process_handle::id() const noexcept
{
    return core_ ? core_->id() : 0;
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
    using enum process_status;
    const auto end = core->last_exit();
    switch (const auto status = core->status()) {
    case up:
        if (!core->running())
            return out << " ended>";
        return out << " alive>";
    case failed:
    case down:
        if (!end)
            return out << " lost>";
        return out << ' ' << *end << '>';
    case backoff:
        out << " backoff";
        if (end)
            out << " (" << *end << ')';
        return out << '>';
    case starting:
    case ready:
    case stopping: return out << ' ' << status << '>';
    }
    return out;
}

} // namespace zproc::detail
