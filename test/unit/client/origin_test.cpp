#include <zproc/event.hpp>

#include <boost/test/unit_test.hpp>

#include <set>
#include <sstream>
#include <unordered_set>

using zproc::origin;

BOOST_AUTO_TEST_SUITE(client_origin)

namespace {

struct row {
    origin from;
    const char* name;
};

const row rows[] = {
    {{0x5f3a'09c1'b2d4'e677, 2}, "5f3a09c1b2d4e677.2"},
    {{0, 0}, "0000000000000000.0"},
    {{0xab, 10}, "00000000000000ab.10"},
    {{UINT64_MAX, UINT32_MAX}, "ffffffffffffffff.4294967295"},
};

} // namespace

BOOST_AUTO_TEST_CASE(name_is_read_back)
{
    for (const auto& [from, name] : rows) {
        BOOST_TEST_CONTEXT(name)
        {
            BOOST_TEST(from.name() == name);
            BOOST_TEST((origin::parse(name) == from));
            std::ostringstream out;
            out << from;
            BOOST_TEST(out.str() == name);
        }
    }
}

BOOST_AUTO_TEST_CASE(parse_takes_no_other_text)
{
    for (const char* text :
         {"", ".", "5f3a09c1b2d4e677", "5f3a09c1b2d4e677.", "5f3a09c1b2d4e67.2",
          "05f3a09c1b2d4e677.2", "5F3A09C1B2D4E677.2", "5f3a09c1b2d4e677.02",
          "5f3a09c1b2d4e677.4294967296", "5f3a09c1b2d4e677.-1", "5f3a09c1b2d4e677.+1",
          "5f3a09c1b2d4e677.2 ", " 5f3a09c1b2d4e677.2", "5f3a09c1b2d4e677,2", "5f3a09c1b2d4e67g.2",
          "-000000000000001.1", "0x00000000000001.1", "5f3a09c1b2d4e677.0x2"})
        BOOST_TEST(!origin::parse(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(order_and_hash_tell_origins_apart)
{
    const std::set<origin> sorted{{2, 1}, {1, 2}, {1, 1}};
    BOOST_TEST((sorted.begin()->session == 1 && sorted.begin()->handle == 1));
    BOOST_TEST((origin{1, 2} < origin{2, 1} && origin{1, 1} < origin{1, 2}));
    std::unordered_set<origin> all;
    std::unordered_set<std::size_t> hashes;
    for (std::uint64_t session : {1ull, 2ull, 1ull << 40, ~0ull})
        for (std::uint32_t handle = 0; handle != 100; ++handle) {
            all.insert({session, handle});
            hashes.insert(std::hash<origin>()({session, handle}));
        }
    BOOST_TEST(all.size() == 400u);
    BOOST_TEST(hashes.size() == 400u);
    BOOST_TEST(all.contains({1, 7}));
    BOOST_TEST(!all.contains({1, 100}));
}

BOOST_AUTO_TEST_SUITE_END()
