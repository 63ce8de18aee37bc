#include "supervisor/entry.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

// The linker's names for the two ends of the section of this module; absent when it has none.
extern "C" {
[[gnu::weak, gnu::visibility("hidden")]] extern zproc::supervision::entry
    __start_zproc_entries[]; // NOLINT(bugprone-reserved-identifier)
[[gnu::weak, gnu::visibility("hidden")]] extern zproc::supervision::entry
    __stop_zproc_entries[]; // NOLINT(bugprone-reserved-identifier)
}

namespace zproc::supervision {
namespace {

// Initialised as constants, so that static initialisers of any file may already use them.
constinit std::array<entry, 64> registered{};
constinit std::size_t registered_count = 0;
constinit entry the_service = nullptr;

bool in_section(entry function) noexcept
{
    entry* const begin = __start_zproc_entries;
    entry* const end = __stop_zproc_entries;
    return begin && std::find(begin, end, function) != end;
}

bool in_table(entry function) noexcept
{
    const auto end = registered.begin() + static_cast<std::ptrdiff_t>(registered_count);
    return std::find(registered.begin(), end, function) != end;
}

} // namespace

bool register_entry(entry function) noexcept
{
    if (is_registered(function))
        return true;
    if (!function || registered_count == registered.size())
        return false;
    registered[registered_count++] = function;
    return true;
}

void set_service_entry(entry function) noexcept
{
    the_service = function;
}

entry service_entry() noexcept
{
    return the_service;
}

bool is_registered(entry function) noexcept
{
    return function && (in_section(function) || in_table(function));
}

} // namespace zproc::supervision
