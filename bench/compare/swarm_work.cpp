// The work of P12, and its items.

#include "compare/swarm_peers.hpp"

#include <algorithm>
#include <random>

#include <time.h>

namespace zproc::bench {

namespace {

constexpr std::int64_t millisecond = 1'000'000;
constexpr std::size_t mebibyte = std::size_t{1} << 20;

} // namespace

int square(int x)
{
    return x * x;
}

int busy(std::int64_t nanoseconds)
{
    timespec time{};
    const auto spent = [&] {
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
    };
    int looks = 0;
    for (const auto end = spent() + nanoseconds; spent() < end;)
        ++looks;
    return looks;
}

std::int64_t count_marks(const char* bytes, std::size_t size)
{
    return std::count(bytes, bytes + size, mark);
}

std::size_t swarm_amounts::of(swarm_work what) const
{
    switch (what) {
    case swarm_work::squares: return squares;
    case swarm_work::even: return even;
    case swarm_work::uneven: return uneven;
    case swarm_work::large: break;
    }
    return large;
}

std::vector<int> numbers(std::size_t count)
{
    std::vector<int> all(count);
    for (std::size_t i = 0; i != count; ++i)
        all[i] = static_cast<int>(i % 46'000); // whose squares are ints
    return all;
}

std::vector<std::int64_t> even_times(std::size_t count)
{
    return std::vector<std::int64_t>(count, millisecond);
}

std::vector<std::int64_t> uneven_times(std::size_t count)
{
    std::vector<std::int64_t> all(count);
    for (std::size_t i = 0; i != count; ++i)
        all[i] = 50 * millisecond / static_cast<std::int64_t>(i + 1);
    std::ranges::shuffle(all, std::mt19937(1));
    return all;
}

std::vector<std::string> large_items(std::size_t count)
{
    std::vector<std::string> all(count, std::string(mebibyte, 'a'));
    for (std::size_t i = 0; i != count; ++i)
        all[i][i] = mark;
    return all;
}

} // namespace zproc::bench
