#include "swarm/blocks.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>
#include <memory>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

using namespace zproc;
using namespace zproc::swarming;

BOOST_AUTO_TEST_SUITE(swarm_blocks)

BOOST_AUTO_TEST_CASE(acquire_gives_a_block_again_that_was_given_back)
{
    const auto pool = std::make_shared<block_pool>();
    auto first = pool->acquire(100'000);
    BOOST_REQUIRE(first != nullptr);
    BOOST_TEST(first->size() >= 100'000u);
    const auto id = first->id();
    auto second = pool->acquire(100'000);
    BOOST_TEST(second->id() != id);
    first.reset();
    first = pool->acquire(90'000);
    BOOST_TEST(first->id() == id);
    BOOST_TEST(pool->take_forgotten().empty());
}

BOOST_AUTO_TEST_CASE(give_back_forgets_what_is_too_much_to_keep)
{
    const auto pool = std::make_shared<block_pool>();
    const auto half = block_pool::most_idle / 2;
    auto first = pool->acquire(half);
    auto second = pool->acquire(half);
    auto third = pool->acquire(half);
    BOOST_REQUIRE((first && second && third));
    const auto id = third->id();
    first.reset();
    second.reset();
    third.reset();
    BOOST_TEST((pool->take_forgotten() == std::vector<std::uint32_t>{id}));
}

BOOST_AUTO_TEST_CASE(view_gives_only_what_is_in_the_block)
{
    const auto made = make_block(7, block_size(1));
    std::memcpy(made.bytes().data(), "hello", 5);
    block_table table;
    BOOST_REQUIRE(table.add(7, made.size(), made.memory.file));
    BOOST_TEST(table.view(7, 1, 4) == "ello");
    BOOST_TEST(table.view(7, made.size() - 1, 1).size() == 1u);
    BOOST_TEST((table.view(7, made.size(), 1).data() == nullptr));
    BOOST_TEST((table.view(7, 1, made.size()).data() == nullptr));
    BOOST_TEST((table.view(7, ~std::uint64_t{0}, 2).data() == nullptr));
    BOOST_TEST((table.view(8, 0, 1).data() == nullptr));
    BOOST_TEST(!table.add(7, made.size(), made.memory.file)); // it is there
    table.forget(7);
    BOOST_TEST((table.view(7, 0, 1).data() == nullptr));
}

BOOST_AUTO_TEST_CASE(add_refuses_memory_that_could_shrink)
{
    const descriptor open(::memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    BOOST_REQUIRE(::ftruncate(open.get(), 4096) == 0);
    block_table table;
    BOOST_TEST(!table.add(1, 4096, open));
    BOOST_TEST(!table.add(1, 4096, descriptor()));
    const auto made = make_block(2, block_size(1));
    BOOST_TEST(!table.add(2, made.size() + 1, made.memory.file)); // of another size
    BOOST_TEST(!table.add(0, made.size(), made.memory.file));
}

BOOST_AUTO_TEST_SUITE_END()
