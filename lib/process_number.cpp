#include "process_number.hpp"

#include <array>
#include <charconv>

#include <unistd.h>

namespace zproc {

pid_t own_number() noexcept
{
    std::array<char, 32> name{};
    const auto size = ::readlink("/proc/self", name.data(), name.size());
    pid_t number = 0;
    if (size > 0 && std::from_chars(name.data(), name.data() + size, number).ec == std::errc{})
        return number;
    return ::getpid();
}

} // namespace zproc
