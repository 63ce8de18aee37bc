#include <zproc/exit_info.hpp>
#include <zproc/remote_error.hpp>

#include <ostream>
#include <sstream>
#include <utility>

#include <string.h>

namespace zproc {

namespace {

/// "SIGSEGV (Segmentation fault)".
std::string signal_text(int number)
{
    const char* const name = ::sigabbrev_np(number);
    const char* const meaning = ::sigdescr_np(number);
    std::string text = name != nullptr ? std::string("SIG") + name : std::to_string(number);
    if (meaning != nullptr)
        text += std::string(" (") + meaning + ')';
    return text;
}

std::string type_and_text(const std::string& type, const std::string& text)
{
    return text.empty() ? type : type + ": " + text;
}

std::string quoted(const std::string& process, pid_t pid)
{
    return "process '" + process + "' (pid " + std::to_string(pid) + ")";
}

void print_stack(std::ostream& out, const char* title, const std::vector<std::string>& stack)
{
    if (stack.empty())
        return;
    out << "\n  " << title;
    for (const auto& line : stack)
        out << "\n    " << line;
}

} // namespace

std::ostream& operator<<(std::ostream& out, const error_report& report)
{
    out << quoted(report.process, report.pid) << " threw "
        << type_and_text(report.type, report.text);
    for (const auto& cause : report.causes)
        out << "\n  caused by " << type_and_text(cause.type, cause.text);
    print_stack(out, "thrown at", report.stack);
    if (!report.stack_note.empty())
        out << "\n  " << report.stack_note;
    return out;
}

std::ostream& operator<<(std::ostream& out, const crash_report& report)
{
    out << signal_text(report.signal);
    if (report.address != 0) {
        const auto flags = out.flags();
        out << " at address 0x" << std::hex << report.address;
        out.flags(flags);
    }
    print_stack(out, "in", report.stack);
    return out;
}

std::ostream& operator<<(std::ostream& out, const exit_info& info)
{
    if (!info.reason.empty())
        return out << info.reason;
    if (info.code)
        return out << "exited with code " << *info.code;
    if (info.signal)
        return out << "ended by " << signal_text(*info.signal)
                   << (info.core ? ", core dumped" : "");
    return out << "not known how it ended";
}

remote_error::remote_error(error_report report)
    : std::runtime_error(quoted(report.process, report.pid) + " threw " +
                         type_and_text(report.type, report.text)),
      report_(std::make_shared<const error_report>(std::move(report)))
{
}

process_crashed::process_crashed(const std::string& process_name, exit_info info)
    : std::runtime_error("process '" + process_name + "' " + info.reason),
      info_(std::make_shared<const exit_info>(std::move(info)))
{
}

process_exited::process_exited(const std::string& process_name, exit_info info)
    : std::runtime_error("process '" + process_name + "' " + info.reason + " and gave no result"),
      info_(std::make_shared<const exit_info>(std::move(info)))
{
}

} // namespace zproc
