#include <zproc/detail/recycled_memory.hpp>

#include <array>
#include <new>
#include <utility>

namespace zproc::detail {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool recycles = false; // it is to see who uses what was given back
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool recycles = false;
#else
constexpr bool recycles = true;
#endif
#else
constexpr bool recycles = true;
#endif

constexpr std::size_t step = 64;
constexpr std::size_t sizes = 8;
constexpr std::size_t most_bytes = 96u << 10; ///< of each size

struct block {
    block* next;
};

struct shelf {
    block* first = nullptr;
    std::size_t count = 0;
};

constinit thread_local std::array<shelf, sizes> shelves{};
constinit thread_local bool closed = false; ///< the thread ends

std::size_t place_of(std::size_t size) noexcept
{
    return (size - 1) / step;
}

struct sweeper {
    ~sweeper()
    {
        closed = true;
        for (auto& each : shelves)
            while (block* const one = each.first) {
                each.first = one->next;
                ::operator delete(one);
            }
    }
};

} // namespace

void* take_memory(std::size_t size)
{
    const auto place = place_of(size);
    if (!recycles || place >= sizes)
        return ::operator new(size);
    shelf& from = shelves[place];
    if (from.first == nullptr)
        return ::operator new((place + 1) * step);
    --from.count;
    return std::exchange(from.first, from.first->next);
}

void give_memory(void* memory, std::size_t size) noexcept
{
    const auto place = place_of(size);
    if (!recycles || place >= sizes || closed ||
        shelves[place].count >= most_bytes / ((place + 1) * step))
        return ::operator delete(memory);
    shelf& to = shelves[place];
    if (to.first == nullptr) {
        thread_local const sweeper at_its_end;
        static_cast<void>(at_its_end);
    }
    to.first = ::new (memory) block{to.first};
    ++to.count;
}

} // namespace zproc::detail
