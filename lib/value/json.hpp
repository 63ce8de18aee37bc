#pragma once

#include <zproc/value.hpp>

#include <string>
#include <string_view>

/// JSON for people; `value::parse_json` and `value::to_json` describe it.
namespace zproc::json {

/// Errors: as `value::parse_json`, thrown as `system_error`.
value parse(std::string_view text);

/// Appends to `out`.
void print(const value& content, std::string& out);

} // namespace zproc::json
