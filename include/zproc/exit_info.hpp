#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace zproc {

/// Thrown inside a spawned process, from anywhere in its function: ends the process with `code`.
/// It is not an error: nothing is printed, and `wait()` reports the code. Codes are 0 to 255, as the
/// system has them; any other ends the process with 255, and is reported on standard error.
struct process_exit {
    int code = 0;
};

/// An exception as it crosses processes: data, so that it can be printed, stored and sent on.
struct error_report {
    struct cause {
        std::string type; ///< demangled
        std::string text; ///< what(), empty when the type has none
    };

    std::string type; ///< demangled type of the exception
    std::string text; ///< its what(), empty when the type has none
    /// Exceptions nested in it by `std::throw_with_nested`, outermost first.
    std::vector<cause> causes;
    /// Where it was thrown, innermost first; empty when `stack_note` says why.
    std::vector<std::string> stack;
    std::string stack_note;
    pid_t pid = 0;       ///< the process that threw
    std::string process; ///< its name
};

/// What a process left behind when a signal like SIGSEGV ended it.
struct crash_report {
    int signal = 0;
    int code = 0;                   ///< si_code
    std::uint64_t address = 0;      ///< si_addr; meaningful for memory faults
    std::vector<std::string> stack; ///< innermost first
};

/// What a process used, from wait4(2).
struct resource_usage {
    std::chrono::microseconds user_time{};
    std::chrono::microseconds system_time{};
    std::uint64_t max_resident_bytes = 0;
};

/// How a process ended.
///
/// Exactly one of `code` and `signal` is set: "exited with 9" and "killed by 9" never look alike.
struct exit_info {
    std::optional<int> code;   ///< it returned, threw (1), or threw `process_exit{code}`
    std::optional<int> signal; ///< it was ended by this signal
    bool core = false;         ///< a core file was written
    std::string reason;        ///< one sentence for people
    std::string cause;         ///< of a stop that nobody asked for: what it was linked with fell
    resource_usage usage;
    int restarts = 0; ///< runs that came before the last one
    /// While another run is to come, of a process in `process_status::backoff`: its delay.
    std::optional<std::chrono::milliseconds> retry_in;
    std::optional<error_report> error; ///< the exception that ended it
    std::optional<crash_report> crash; ///< the fault that ended it
    /// The last lines that a function wrote to `std::cerr`, `std::clog` or `stderr`, when it failed
    /// by an exception, a fault or a code. What is written behind their back is not seen.
    std::vector<std::string> last_lines;

    /// True when it ended with code 0.
    bool success() const noexcept { return code == 0; }
};

/// The reports in ZProc's humane form: what happened, to whom, where; several lines, without a
/// line break at the end.
std::ostream& operator<<(std::ostream& out, const error_report& report);
std::ostream& operator<<(std::ostream& out, const crash_report& report);

/// The reason, in one line.
std::ostream& operator<<(std::ostream& out, const exit_info& info);

} // namespace zproc
