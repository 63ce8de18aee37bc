#pragma once

#include <zproc/exit_info.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace zproc {

/// An exception that left the function of another process, thrown again by `result()`.
///
/// `what()` is one line with the type, the text, the name of the process and its pid.
/// Exception safety: copying does not throw.
class remote_error : public std::runtime_error {
public:
    explicit remote_error(error_report report);

    const std::string& type() const noexcept { return report_->type; }
    const std::string& text() const noexcept { return report_->text; }
    const std::vector<std::string>& stack() const noexcept { return report_->stack; }
    pid_t pid() const noexcept { return report_->pid; }
    const std::string& process_name() const noexcept { return report_->process; }

    /// Everything: also the nested causes; prints in several lines.
    const error_report& report() const noexcept { return *report_; }

private:
    std::shared_ptr<const error_report> report_;
};

/// Thrown by `result()` when a signal ended the process.
class process_crashed : public std::runtime_error {
public:
    process_crashed(const std::string& process_name, exit_info info);

    int signal() const noexcept { return info_->signal.value_or(0); }
    const exit_info& info() const noexcept { return *info_; }

private:
    std::shared_ptr<const exit_info> info_;
};

/// Thrown by `result()` when the process ended without a result: by `process_exit{code}`, or by
/// `_exit` behind the library's back. A `process<void>` that ends with code 0 is no error.
class process_exited : public std::runtime_error {
public:
    process_exited(const std::string& process_name, exit_info info);

    int code() const noexcept { return info_->code.value_or(0); }
    const exit_info& info() const noexcept { return *info_; }

private:
    std::shared_ptr<const exit_info> info_;
};

} // namespace zproc
