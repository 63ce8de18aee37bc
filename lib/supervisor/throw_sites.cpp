// The link component zproc::throw_sites: interposes __cxa_throw. At the catch site of a coroutine's
// exception its stack is gone; this remembers it where it is thrown.

#include "supervisor/throw_stack.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>

#include <dlfcn.h>
#include <execinfo.h>

extern "C" {
[[gnu::weak]] void __asan_handle_no_return();
}

namespace zproc::supervision {

namespace {

using throw_function = void (*)(void*, void*, void (*)(void*));

/// One remembered throw. An exception object is found by its address, which is enough while the
/// object lives; the newest throw at an address wins.
struct site {
    const void* object = nullptr;
    int count = 0;
    std::array<void*, 48> frames{};
};

struct site_table {
    std::mutex mutex;
    std::array<site, 64> sites{};
    std::size_t next = 0;
};

site_table& table()
{
    static auto* const instance = new site_table;
    return *instance;
}

std::atomic<bool> active{false};

throw_function next_throw() noexcept
{
    static const auto next = reinterpret_cast<throw_function>(::dlsym(RTLD_NEXT, "__cxa_throw"));
    return next;
}

void activate() noexcept
{
    // The first backtrace() loads libgcc: not in the middle of a throw.
    void* frame = nullptr;
    static_cast<void>(::backtrace(&frame, 1));
    static_cast<void>(table());
    active = true;
}

std::size_t find(const void* object, std::span<void*> room) noexcept
{
    auto& all = table();
    const std::lock_guard lock(all.mutex);
    for (std::size_t i = 1; i <= all.sites.size(); ++i) {
        const auto& each = all.sites[(all.next + all.sites.size() - i) % all.sites.size()];
        if (each.object != object || object == nullptr)
            continue;
        const auto count = std::min(static_cast<std::size_t>(each.count), room.size());
        std::copy_n(each.frames.begin(), count, room.begin());
        return count;
    }
    return 0;
}

constexpr throw_stack_source this_source{&activate, &find};

[[maybe_unused]] const bool announced = (set_throw_stack_source(this_source), true);

} // namespace

/// Frames of this function and of __cxa_throw are left out when the stack is printed.
[[gnu::noinline]] void capture_throw_site(const void* object)
{
    site seen;
    seen.object = object;
    seen.count = ::backtrace(seen.frames.data(), static_cast<int>(seen.frames.size()));
    auto& all = table();
    const std::lock_guard lock(all.mutex);
    all.sites[all.next] = seen;
    all.next = (all.next + 1) % all.sites.size();
}

} // namespace zproc::supervision

extern "C" [[noreturn, gnu::visibility("default")]] void __cxa_throw(void* object, void* type,
                                                                     void (*destroy)(void*))
{
    if (zproc::supervision::active.load(std::memory_order_relaxed))
        zproc::supervision::capture_throw_site(object);
    const auto next = zproc::supervision::next_throw();
    if (&__asan_handle_no_return != nullptr)
        __asan_handle_no_return();
    if (next != nullptr)
        next(object, type, destroy);
    std::abort();
}
