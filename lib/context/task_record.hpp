#pragma once

#include <zproc/dict.hpp>
#include <zproc/origin.hpp>
#include <zproc/value.hpp>

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace zproc::detail {

/// The namespace that holds the results of `swarm::submit`: one key for each, the name of its id.
inline constexpr const char* task_results = "zproc.results";

/// What stands there: *pending*, until the owner of the swarm makes it *settled*.
///
/// Times are milliseconds of the system's clock since 1970: they are compared on other machines.
struct task_record {
    bool pending = true;
    origin owner;             ///< of a pending one: whose session it is
    std::string type;         ///< of the result, as its compiler calls it
    std::int64_t expires = 0; ///< of a settled one
    std::string result;       ///< bytes, when there is no
    std::exception_ptr error;

    bool is_expired(std::int64_t now) const noexcept { return !pending && expires <= now; }
};

value to_value(const task_record& record);

/// Nothing for what was not written by `to_value`.
std::optional<task_record> to_record(const value& from);

// What a task fails with, as a value: `remote_error`, `process_crashed`, `process_exited` and
// `system_error` come out as they went in, anything else as a `runtime_error` with its text.

value encode_failure(const std::exception_ptr& error);
std::exception_ptr decode_failure(const value& from);

} // namespace zproc::detail
