#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/exit_info.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace zproc::supervision {

/// What a process is told by its owner, before it runs anything.
struct call_message {
    detail::function_reference function;
    std::string arguments; ///< an archive
    std::string name;      ///< of the process
    std::string settings;  ///< for the context, unread here
    /// Filters of the restart policy; only their stubs.
    std::vector<detail::function_reference> retried;
    /// What brings exceptions into an archive that are to be thrown again; only their stubs.
    std::vector<detail::function_reference> carried;
    pid_t owner = 0;
};

/// What the signal handler writes, as it lies in memory: both sides are the same program.
struct crash_record {
    static constexpr std::size_t max_frames = 64;

    std::int32_t signal = 0;
    std::int32_t code = 0;
    std::uint64_t address = 0;
    std::uint64_t count = 0;
    std::array<void*, max_frames> frames{};
};

/// An exception that is to be thrown again.
struct thrown_exception {
    std::size_t which = 0; ///< of the types that the call names
    std::string archive;
};

std::string encode(const call_message& message);
std::optional<call_message> decode_call(std::string_view bytes);

std::string encode(const thrown_exception& thrown);
std::optional<thrown_exception> decode_thrown(std::string_view bytes);

std::string encode(const error_report& report);
std::optional<error_report> decode_error(std::string_view bytes);

/// The frames become lines: the process was a fork of the same image.
std::optional<crash_report> decode_crash(std::string_view bytes);

} // namespace zproc::supervision
