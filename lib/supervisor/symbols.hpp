#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::supervision {

/// C++ names for people; `mangled` itself when it is no mangled name.
std::string demangle(const char* mangled);

/// "bakery::eat" out of "int (anonymous namespace)::bakery::eat(zproc::context, int)".
std::string without_parameters(std::string_view signature);

/// "lambda in bakery" out of the demangled type of a closure.
std::string lambda_name(std::string_view type);

/// The demangled name of the function that `address` lies in, also of a static function of an
/// executable: the symbol table of the module's file is read. Empty when it is stripped.
/// Not for signal handlers.
std::string symbol_at(std::uintptr_t address);

/// One line per return address, "function + offset (module)", without what tells nobody anything:
/// the machinery of throwing above, how zproc came to call the function below, and the loop's
/// frames between coroutines.
std::vector<std::string> symbolize(std::span<void* const> frames);

} // namespace zproc::supervision
