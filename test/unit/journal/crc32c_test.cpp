#include "journal/crc32c.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

using namespace zproc;

BOOST_AUTO_TEST_SUITE(journal_crc32c)

BOOST_AUTO_TEST_CASE(crc32c_matches_published_vectors)
{
    // RFC 3720, B.4, and the usual check value.
    std::vector<std::byte> ascending(32);
    std::vector<std::byte> descending(32);
    for (std::size_t i = 0; i != 32; ++i) {
        ascending[i] = static_cast<std::byte>(i);
        descending[i] = static_cast<std::byte>(31 - i);
    }
    const std::string_view digits = "123456789";
    struct row {
        const char* name;
        std::vector<std::byte> bytes;
        std::uint32_t crc;
    };
    const row rows[] = {
        {"nothing", {}, 0},
        {"zeros", std::vector<std::byte>(32), 0x8a9136aa},
        {"ones", std::vector<std::byte>(32, std::byte{0xff}), 0x62a8ab43},
        {"ascending", ascending, 0x46dd794e},
        {"descending", descending, 0x113fdb5c},
        {"digits",
         {std::as_bytes(std::span(digits)).begin(), std::as_bytes(std::span(digits)).end()},
         0xe3069283},
    };
    for (const row& each : rows) {
        BOOST_TEST(journal::crc32c(each.bytes) == each.crc, each.name);
        BOOST_TEST(journal::crc32c_portable(each.bytes) == each.crc, each.name);
    }
}

BOOST_AUTO_TEST_CASE(crc32c_agrees_with_portable_at_any_length_and_alignment)
{
    std::vector<std::byte> bytes(20000);
    std::uint32_t state = 1;
    for (auto& byte : bytes)
        byte = static_cast<std::byte>((state = state * 1664525 + 1013904223) >> 24);
    for (std::size_t size = 0; size < 10000; size += size < 200 ? 1 : 331) {
        const auto part = std::span(bytes).subspan(size % 13, size);
        BOOST_TEST(journal::crc32c(part) == journal::crc32c_portable(part), "size " << size);
    }
    BOOST_TEST(journal::crc32c(bytes) == journal::crc32c_portable(bytes));
}

BOOST_AUTO_TEST_CASE(crc32c_continues_from_crc_of_first_part)
{
    const std::string_view text = "It is split anywhere, and the sum is the same.";
    const auto bytes = std::as_bytes(std::span(text));
    for (std::size_t split = 0; split <= bytes.size(); ++split)
        BOOST_TEST(journal::crc32c(bytes.subspan(split), journal::crc32c(bytes.first(split))) ==
                   journal::crc32c(bytes));
}

BOOST_AUTO_TEST_CASE(copy_with_crc32c_copies_and_leaves_out_the_field_at_any_length)
{
    std::vector<std::uint64_t> words(1000);
    std::uint64_t state = 1;
    for (auto& word : words)
        word = state = state * 6364136223846793005 + 1442695040888963407;
    const auto bytes = std::as_bytes(std::span(words));
    for (std::size_t size = 1; size <= words.size(); size += size < 150 ? 1 : 97) {
        const auto from = bytes.subspan(8 * (words.size() - size));
        const auto crc = journal::crc32c(from.subspan(8), journal::crc32c(from.first(4)));
        for (const auto copy : {&journal::copy_with_crc32c, &journal::copy_with_crc32c_portable}) {
            std::vector<std::uint64_t> to(size);
            BOOST_TEST(copy(from.data(), to) == crc, "of " << size << " words");
            BOOST_TEST(std::ranges::equal(std::as_bytes(std::span(to)), from));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
