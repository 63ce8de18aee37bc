#include "supervisor/exception_report.hpp"

#include "process_number.hpp"
#include "supervisor/symbols.hpp"
#include "supervisor/throw_stack.hpp"

#include <zproc/error.hpp>
#include <zproc/remote_error.hpp>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <csignal>
#include <string>
#include <typeinfo>

#include <cxxabi.h>
#include <unistd.h>

namespace zproc::supervision {

namespace {

constexpr int max_causes = 16;
constexpr const char* foreign_exception = "foreign exception";

std::string type_name(const std::type_info& type)
{
    auto name = demangle(type.name());
    // What boost::throw_exception makes of an exception is not what people know it by.
    constexpr std::string_view wrapper = "boost::wrapexcept<";
    if (name.starts_with(wrapper) && name.ends_with('>'))
        name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
    return name;
}

/// The runtime knows no type of what another language threw.
std::string current_type_name()
{
    const auto* type = abi::__cxa_current_exception_type();
    return type != nullptr ? type_name(*type) : foreign_exception;
}

void add_causes(const std::exception& outer, error_report& report);

void add_cause(const std::exception_ptr& inner, error_report& report)
{
    if (inner == nullptr || report.causes.size() == max_causes)
        return;
    try {
        std::rethrow_exception(inner);
    } catch (const std::exception& e) {
        report.causes.push_back({type_name(typeid(e)), e.what()});
        add_causes(e, report);
    } catch (...) {
        report.causes.push_back({current_type_name(), {}});
    }
}

/// What `outer` was made of: nested exceptions, and the report of yet another process.
void add_causes(const std::exception& outer, error_report& report)
{
    if (const auto* remote = dynamic_cast<const remote_error*>(&outer)) {
        report.causes.push_back({remote->type(), remote->text()});
        for (const auto& cause : remote->report().causes)
            report.causes.push_back(cause);
        for (const auto& line : remote->stack())
            report.stack.push_back(line);
    }
    if (const auto* nested = dynamic_cast<const std::nested_exception*>(&outer))
        add_cause(nested->nested_ptr(), report);
}

} // namespace

error_report describe(const std::exception_ptr& error, std::string_view process)
{
    error_report report;
    report.pid = own_number();
    report.process = process;
    if (error == nullptr) { // another language's, or the unwinding of pthread_exit()
        report.type = foreign_exception;
        return report;
    }
    report.stack = throw_stack(error, report.stack_note);
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        report.type = type_name(typeid(e));
        report.text = e.what();
        add_causes(e, report);
    } catch (const std::string& text) {
        report.type = "std::string";
        report.text = text;
    } catch (const char* text) {
        report.type = "const char*";
        report.text = text != nullptr ? text : "";
    } catch (...) {
        report.type = current_type_name();
    }
    if (!report.stack.empty())
        report.stack_note.clear();
    return report;
}

bool is_cancellation(const std::exception_ptr& error) noexcept
{
    if (error == nullptr)
        return false;
    try {
        std::rethrow_exception(error);
    } catch (const boost::system::system_error& e) {
        // A mutation that was on its way cannot say that nothing happened.
        return e.code() == boost::asio::error::operation_aborted ||
               e.code() == errc::outcome_unknown;
    } catch (const process_crashed& e) {
        return e.signal() == SIGTERM || e.signal() == SIGINT || e.signal() == SIGKILL;
    } catch (...) {
        return false;
    }
}

} // namespace zproc::supervision
