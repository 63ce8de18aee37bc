#include <zproc/detail/recycled_memory.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

using zproc::detail::give_memory;
using zproc::detail::recycled;
using zproc::detail::take_memory;

namespace {

struct piece {
    void* at;
    std::size_t size;
};

piece take(std::size_t size)
{
    const piece made{take_memory(size), size};
    std::memset(made.at, 0x5a, size);
    return made;
}

struct base : recycled {
    virtual ~base() = default;
};
struct small : base {
    int number = 1;
};
struct large : base {
    char bytes[3000] = {};
};
struct alignas(128) wide : base {
    char bytes[128] = {};
};

} // namespace

BOOST_AUTO_TEST_SUITE(recycled_memory)

BOOST_AUTO_TEST_CASE(pieces_are_aligned_and_apart)
{
    std::vector<piece> all;
    for (int lap = 0; lap != 3; ++lap) {
        for (std::size_t size = 1; size < 700; size += 13) {
            all.push_back(take(size));
            BOOST_TEST(reinterpret_cast<std::uintptr_t>(all.back().at) %
                           __STDCPP_DEFAULT_NEW_ALIGNMENT__ ==
                       0u);
        }
        for (const auto& each : all) {
            const auto* const bytes = static_cast<const unsigned char*>(each.at);
            BOOST_TEST(std::count(bytes, bytes + each.size, 0x5a) ==
                       static_cast<std::ptrdiff_t>(each.size));
            give_memory(each.at, each.size);
        }
        all.clear();
    }
}

BOOST_AUTO_TEST_CASE(more_than_is_kept_is_given_back)
{
    std::vector<piece> all;
    for (int i = 0; i != 5000; ++i)
        all.push_back(take(200));
    for (const auto& each : all)
        give_memory(each.at, each.size);
}

BOOST_AUTO_TEST_CASE(another_thread_may_give_it_back)
{
    std::vector<piece> all;
    for (int i = 0; i != 100; ++i)
        all.push_back(take(300));
    std::thread([&] {
        for (const auto& each : all)
            give_memory(each.at, each.size);
        for (auto& each : all)
            each = take(300);
    }).join(); // what it kept went with it
    for (const auto& each : all)
        give_memory(each.at, each.size);
}

BOOST_AUTO_TEST_CASE(objects_of_any_size_and_alignment_lie_there)
{
    std::vector<std::unique_ptr<base>> all;
    for (int i = 0; i != 50; ++i) {
        all.push_back(std::make_unique<small>());
        all.push_back(std::make_unique<large>());
        auto aligned = std::make_unique<wide>();
        BOOST_TEST(reinterpret_cast<std::uintptr_t>(aligned.get()) % alignof(wide) == 0u);
        all.push_back(std::move(aligned));
    }
}

BOOST_AUTO_TEST_SUITE_END()
