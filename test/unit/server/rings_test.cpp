#include "server/rings.hpp"

#include "protocol/control_page.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>

#include <fcntl.h>

using namespace zproc;
using namespace zproc::serving;

namespace {

/// Keeps descriptors as a supervisor does: the last of each name.
struct shelf {
    std::map<std::string, descriptor, std::less<>> files;
    bool full = false;

    keep_function keeper()
    {
        return [this](std::string_view name, int file) {
            if (!full)
                files[std::string(name)] = descriptor(::fcntl(file, F_DUPFD_CLOEXEC, 0));
            return error_code();
        };
    }
    rings::inheritance left() const
    {
        const auto copy = [&](std::string_view name) {
            return ::fcntl(files.find(name)->second.get(), F_DUPFD_CLOEXEC, 0);
        };
        return {copy("ring"), copy("control"), copy("wake")};
    }
};

const std::byte seven[] = {std::byte{7}};

} // namespace

BOOST_AUTO_TEST_SUITE(server_rings)

BOOST_AUTO_TEST_CASE(create_makes_a_ring_of_the_nearest_capacity_there_can_be)
{
    struct {
        std::uint64_t asked;
        std::uint64_t largest;
        std::uint64_t made;
    } const rows[] = {
        {0, 1u << 20, 4096},    {1, 1u << 20, 4096},
        {4097, 1u << 20, 8192}, {~std::uint64_t{0}, 10'000, 8192},
        {1u << 16, 0, 4096},    {1u << 16, 1u << 20, 1u << 16},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.asked << " of at most " << row.largest)
        {
            shelf kept;
            hall shared;
            rings own(shared, kept.keeper());
            BOOST_TEST_REQUIRE(
                !own.create(row.asked, {}, {}, {.largest_capacity = row.largest}).failed());
            BOOST_TEST(shared.data->ring().capacity() == row.made);
        }
    }
}

BOOST_AUTO_TEST_CASE(succeed_refuses_a_ring_older_than_the_one_announced)
{
    shelf kept;
    {
        hall shared;
        rings first(shared, kept.keeper());
        BOOST_TEST_REQUIRE(!first.create(1u << 16, {std::byte{9}}, {}, {}).failed());
        BOOST_TEST_REQUIRE(!shared.data->open_session(1, 1).failed());
        BOOST_TEST_REQUIRE(!shared.data->set({1, 1, 1}, "n", "k", seven).error.failed());
        shared.data->publish();
    }
    {
        hall shared;
        rings second(shared, kept.keeper());
        kept.full = true; // what the second makes is lost
        BOOST_TEST_REQUIRE(!second.succeed(kept.left(), {}, {}).failed());
        BOOST_TEST(shared.data->contains("n", "k"));
        BOOST_TEST(shared.about.epoch == 2u);
    }
    hall shared;
    rings third(shared, kept.keeper());
    BOOST_TEST((third.succeed(kept.left(), {}, {}) == errc::state_lost));
}

BOOST_AUTO_TEST_CASE(end_is_announced_to_whoever_maps_the_page_until_a_successor_takes_it_back)
{
    shelf kept;
    mapped_memory page;
    std::uint64_t generation = 0;
    {
        hall shared;
        rings first(shared, kept.keeper());
        BOOST_TEST_REQUIRE(!first.create(1u << 16, {std::byte{9}}, {}, {}).failed());
        page = mapped_memory::readable(first.control_file());
        BOOST_TEST(!protocol::control_ended(page.bytes()));
        generation = protocol::control_generation(page.bytes());
        first.end();
    }
    BOOST_TEST(protocol::control_ended(page.bytes()));
    BOOST_TEST(protocol::control_generation(page.bytes()) == generation);
    hall shared;
    rings second(shared, kept.keeper());
    BOOST_TEST_REQUIRE(!second.succeed(kept.left(), {}, {}).failed());
    BOOST_TEST(!protocol::control_ended(page.bytes()));
    BOOST_TEST(protocol::control_generation(page.bytes()) == generation + 1);
}

BOOST_AUTO_TEST_CASE(end_of_what_was_never_begun_is_announced_to_nobody)
{
    shelf kept;
    hall shared;
    rings own(shared, kept.keeper());
    own.end();
    BOOST_TEST(kept.files.empty());
}

BOOST_AUTO_TEST_SUITE_END()
