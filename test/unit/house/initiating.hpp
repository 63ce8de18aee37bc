#pragma once

#include <set>
#include <string>
#include <string_view>

namespace zproc::test {

/// The functions of a public header that start an asynchronous operation, as "class::name" (or
/// "name"): those that a user can call and that take a completion token, by itself or at the end
/// of a pack of arguments.
std::set<std::string> initiating_functions(std::string_view header);

/// The names of the rows of the table of operations that are in its list, from its text.
std::set<std::string> rows_of_table(std::string_view text);

} // namespace zproc::test
