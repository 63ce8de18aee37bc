#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

/// What supervisor and guardian say themselves, on the standard error of the root.
namespace zproc::supervision {

/// One line. Left out where somebody would have to be waited for.
void say(std::string_view line) noexcept;

/// "123 (sleep)", with the number that /proc has.
std::string number_and_name(pid_t pid);

/// That this process is left behind.
void say_left(const std::string& process);

} // namespace zproc::supervision
