#include "counts/allocations.hpp"

#include "supervisor/symbols.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <stdexcept>

#include <execinfo.h>
#include <sys/mman.h>
#include <unistd.h>

// What the C library calls its own.
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace zproc::bench {
namespace {

constexpr int depth = 20;

struct site {
    std::uint64_t hash = 0;
    std::uint64_t times = 0;
    int frames = 0;
    std::array<void*, depth> stack{};
};

struct shared_count {
    std::atomic<pid_t> watched = 0; ///< 0: nobody
    std::atomic<bool> places = false;
    std::atomic<std::uint64_t> allocations = 0;
    std::array<site, 256> sites{}; ///< written by the one thread of the process that is watched
};
constinit shared_count* shared = nullptr;
constinit thread_local bool within = false;

void note_place()
{
    within = true; // what it allocates itself does not count
    site one;
    one.frames = ::backtrace(one.stack.data(), depth);
    one.hash = 1469598103934665603u;
    for (int i = 0; i != one.frames; ++i)
        one.hash = (one.hash ^ reinterpret_cast<std::uintptr_t>(one.stack[std::size_t(i)])) *
                   1099511628211u;
    for (auto& each : shared->sites) {
        if (each.times == 0)
            each = one;
        if (each.hash != one.hash)
            continue;
        ++each.times;
        break;
    }
    within = false;
}

void note()
{
    if (shared == nullptr || within)
        return;
    const auto watched = shared->watched.load(std::memory_order_relaxed);
    if (watched == 0 || watched != ::getpid())
        return;
    ++shared->allocations;
    if (shared->places)
        note_place();
}

} // namespace

void allocation_count::prepare()
{
    void* const memory = ::mmap(nullptr, sizeof(shared_count), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::runtime_error("no shared memory");
    std::array<void*, 1> first{};
    ::backtrace(first.data(), 1); // loads what it needs, once
    shared = new (memory) shared_count();
}

allocation_count::allocation_count(pid_t of, bool places)
{
    shared->allocations = 0;
    shared->sites = {};
    shared->places = places;
    shared->watched = of;
}

allocation_count::~allocation_count()
{
    shared->watched = 0;
}

std::uint64_t allocation_count::so_far() const
{
    return shared->allocations;
}

std::vector<allocation_count::place> allocation_count::places() const
{
    shared->watched = 0; // it may be this process
    std::vector<place> out;
    for (const auto& each : shared->sites) {
        if (each.times == 0)
            break;
        // Without the frames of the counting itself.
        const auto own = std::min(3, each.frames);
        const auto* const begin = each.stack.data() + own;
        out.push_back({each.times, supervision::symbolize(
                                       {begin, static_cast<std::size_t>(each.frames - own)})});
    }
    std::ranges::sort(out, std::ranges::greater(), &place::times);
    return out;
}

} // namespace zproc::bench

// ---- in place of the C library's ---------------------------------------------------------------

extern "C" {

void* malloc(std::size_t bytes) noexcept
{
    zproc::bench::note();
    return __libc_malloc(bytes);
}

void* calloc(std::size_t count, std::size_t bytes) noexcept
{
    zproc::bench::note();
    return __libc_calloc(count, bytes);
}

void* realloc(void* old, std::size_t bytes) noexcept
{
    zproc::bench::note();
    return __libc_realloc(old, bytes);
}

void* memalign(std::size_t alignment, std::size_t bytes) noexcept
{
    zproc::bench::note();
    return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept
{
    zproc::bench::note();
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) noexcept
{
    zproc::bench::note();
    *out = __libc_memalign(alignment, bytes);
    return *out == nullptr ? ENOMEM : 0;
}
}
