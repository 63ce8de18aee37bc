#include "supervisor/outcome.hpp"

#include "supervisor/call_message.hpp"
#include "supervisor/channel.hpp"

#include <zproc/remote_error.hpp>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

namespace zproc::supervision {

namespace {

exit_info describe_exit(const exit_report& report, int restarts)
{
    exit_info info;
    (report.signalled ? info.signal : info.code) = report.number;
    info.core = report.core;
    info.restarts = restarts;
    info.usage.user_time = report.user_time;
    info.usage.system_time = report.system_time;
    info.usage.max_resident_bytes = static_cast<std::uint64_t>(report.max_resident_kib) * 1024;
    std::ostringstream reason;
    reason << info;
    info.reason = reason.str();
    return info;
}

/// The last lines: fewer than so many, and whole ones where there are several.
std::vector<std::string> lines_of(std::string_view text)
{
    constexpr std::size_t most = 20;
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (lines.size() > most)
        lines.erase(lines.begin(), lines.end() - most);
    return lines;
}

} // namespace

std::exception_ptr failure(const exit_info& info, const std::string& process)
{
    if (info.signal)
        return std::make_exception_ptr(process_crashed(process, info));
    if (info.error)
        return std::make_exception_ptr(remote_error(*info.error));
    return std::make_exception_ptr(process_exited(process, info));
}

detail::process_outcome read_outcome(int channel, const exit_report& report, int restarts,
                                     const std::string& process, const std::string& cause,
                                     std::span<const detail::carried_type> rethrown)
{
    detail::process_outcome outcome;
    outcome.info = describe_exit(report, restarts);
    outcome.info.cause = cause;
    error_code ec;
    while (channel >= 0) {
        auto received = receive_packet(channel, false, ec);
        if (!received)
            break;
        switch (received->kind) {
        case packet_kind::result:
            outcome.result = std::move(received->body);
            outcome.has_result = true;
            break;
        case packet_kind::exception: outcome.info.error = decode_error(received->body); break;
        case packet_kind::crash: outcome.info.crash = decode_crash(received->body); break;
        case packet_kind::thrown:
            if (const auto thrown = decode_thrown(received->body);
                thrown && thrown->which < rethrown.size()) {
                outcome.thrown = thrown->archive;
                outcome.raise = rethrown[thrown->which].raise;
            }
            break;
        case packet_kind::last_lines: outcome.info.last_lines = lines_of(received->body); break;
        case packet_kind::call:
        case packet_kind::exit_code: // the exit status says it, too
            break;
        }
    }
    // A result counts only when what came after it, the flushing of its output, went well, too.
    outcome.has_result = outcome.has_result && outcome.info.success();
    if (!outcome.has_result)
        outcome.error = failure(outcome.info, process);
    if (!outcome.info.error || outcome.info.signal)
        outcome.raise = nullptr;
    return outcome;
}

} // namespace zproc::supervision
