#include "journal/encode.hpp"
#include "unit/journal/model.hpp"

#include <boost/test/unit_test.hpp>

using namespace zproc;
using model::as_bytes;

namespace {

std::vector<std::uint64_t> encoded(const journal::transaction& what, journal::position at)
{
    std::vector<std::uint64_t> words;
    std::vector<journal::value_place> values;
    journal::encode(what, words, values);
    journal::set_commit(words, 77);
    journal::seal(words, at);
    return words;
}

std::string text(std::span<const std::byte> bytes)
{
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

} // namespace

BOOST_AUTO_TEST_SUITE(journal_record)

BOOST_AUTO_TEST_CASE(encoded_size_is_padded_to_eight_bytes)
{
    struct row {
        std::size_t name_space;
        std::size_t reply;
        std::vector<std::array<int, 3>> changes; // key, before (-1: absent), after
        std::uint64_t size;
    };
    const row rows[] = {
        {0, 0, {}, 72},
        {1, 0, {}, 80},
        {8, 0, {}, 80},
        {8, 1, {}, 88},
        {7, 0, {{1, -1, -1}}, 96},
        {7, 0, {{1, -1, 0}}, 96},
        {7, 0, {{1, -1, 1}}, 104},
        {7, 0, {{1, 1, 0}}, 104},
        {7, 0, {{1, 1024, 0}}, 96 + 1024},
        {7, 0, {{1, 1025, 0}}, 96 + 8}, // a pointer
        {7, 3, {{1, -1, 5}, {2, 4, -1}}, 72 + 7 + 3 + 22 + 22 + 2},
    };
    for (const row& each : rows) {
        const std::string filler(2000, 'x');
        std::vector<journal::change_draft> drafts;
        for (const auto& [key, before, after] : each.changes) {
            journal::change_draft draft;
            draft.key = std::string_view(filler).substr(0, static_cast<std::size_t>(key));
            if (before >= 0)
                draft.before =
                    as_bytes(std::string_view(filler).substr(0, static_cast<std::size_t>(before)));
            if (after >= 0)
                draft.after =
                    as_bytes(std::string_view(filler).substr(0, static_cast<std::size_t>(after)));
            draft.before_at = 4096;
            drafts.push_back(draft);
        }
        journal::transaction what;
        what.name_space = std::string_view(filler).substr(0, each.name_space);
        what.reply = as_bytes(std::string_view(filler).substr(0, each.reply));
        what.changes = drafts;
        BOOST_TEST(journal::encoded_size(what) == each.size);
        const auto words = encoded(what, 8);
        BOOST_TEST(words.size() * 8 == each.size);
        journal::record_view seen;
        BOOST_TEST(
            journal::decode(std::as_bytes(std::span(words)), 8, journal::checksum::verified, seen));
    }
}

BOOST_AUTO_TEST_CASE(decode_returns_what_was_encoded)
{
    const std::string large(3000, 'l');
    std::vector<journal::change_draft> drafts(4);
    drafts[0].key = "made";
    drafts[0].after = as_bytes("new");
    drafts[1].key = "erased";
    drafts[1].before = as_bytes("old");
    drafts[2].key = "large";
    drafts[2].before = as_bytes(large);
    drafts[2].before_at = 123456;
    drafts[2].after = as_bytes(large);
    drafts[2].identical = true;
    drafts[3].key = "";
    drafts[3].before = as_bytes("");
    drafts[3].after = as_bytes("");
    journal::transaction what;
    what.name_space = "cookies";
    what.revision = 12;
    what.time = -5;
    what.by = {99, 3};
    what.request = 1000;
    what.reply = as_bytes("fine");
    what.changes = drafts;
    const auto words = encoded(what, 800);
    const auto bytes = std::as_bytes(std::span(words));

    journal::record_view seen;
    BOOST_REQUIRE(journal::decode(bytes, 800, journal::checksum::verified, seen));
    BOOST_TEST(seen.at == 800u);
    BOOST_TEST(seen.end() == 800u + bytes.size());
    BOOST_TEST(seen.is_event());
    BOOST_TEST(seen.counter);
    BOOST_TEST(seen.kept_reply);
    BOOST_TEST(seen.commit == 77u);
    BOOST_TEST(seen.revision == 12u);
    BOOST_TEST(seen.time == -5);
    BOOST_TEST((seen.by == what.by));
    BOOST_TEST(seen.request == 1000u);
    BOOST_TEST(seen.name_space == "cookies");
    BOOST_TEST(text(seen.reply) == "fine");
    const std::vector<journal::change_view> changes(seen.changes.begin(), seen.changes.end());
    BOOST_REQUIRE(changes.size() == 4u);
    BOOST_TEST(changes[0].key == "made");
    BOOST_TEST((changes[0].before == journal::before_kind::absent));
    BOOST_TEST(text(*changes[0].after) == "new");
    BOOST_TEST(text(bytes.subspan(changes[0].after_at.at - 800, changes[0].after_at.size)) ==
               "new");
    BOOST_TEST((changes[1].before == journal::before_kind::inlined));
    BOOST_TEST(text(changes[1].before_bytes) == "old");
    BOOST_TEST(!changes[1].after.has_value());
    BOOST_TEST((changes[2].before == journal::before_kind::elsewhere));
    BOOST_TEST((changes[2].before_at == journal::value_place{123456, 3000}));
    BOOST_TEST(changes[2].identical);
    BOOST_TEST(text(*changes[2].after) == large);
    BOOST_TEST((changes[3].before == journal::before_kind::inlined));
    BOOST_TEST(changes[3].after->empty());
}

BOOST_AUTO_TEST_CASE(decode_refuses_any_flipped_bit_and_any_cut)
{
    journal::change_draft draft;
    draft.key = "key";
    draft.before = as_bytes("before");
    draft.after = as_bytes("after");
    journal::transaction what;
    what.name_space = "n";
    what.changes = {&draft, 1};
    auto words = encoded(what, 64);
    const auto bytes = std::as_writable_bytes(std::span(words));
    journal::record_view seen;
    for (std::size_t bit = 0; bit != bytes.size() * 8; ++bit) {
        bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        BOOST_TEST(!journal::decode(bytes, 64, journal::checksum::verified, seen), "bit " << bit);
        bytes[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    }
    for (std::size_t size = 0; size != bytes.size(); ++size)
        BOOST_TEST(!journal::decode(bytes.first(size), 64, journal::checksum::verified, seen));
    BOOST_TEST(!journal::decode(bytes, 72, journal::checksum::verified, seen));
    BOOST_TEST(journal::decode(bytes, 64, journal::checksum::verified, seen));
}

BOOST_AUTO_TEST_CASE(encode_carry_keeps_labels_and_is_never_larger_than_its_source)
{
    std::vector<journal::change_draft> drafts(3);
    drafts[0].key = "a";
    drafts[0].before = as_bytes("x");
    drafts[0].after = as_bytes("value a");
    drafts[1].key = "b";
    drafts[1].before = as_bytes("y");
    drafts[2].key = "c";
    drafts[2].after = as_bytes("value c");
    journal::transaction what;
    what.name_space = "n";
    what.revision = 5;
    what.time = 6;
    what.by = {7, 8};
    what.request = 9;
    what.reply = as_bytes("reply");
    what.changes = drafts;
    const auto source = encoded(what, 0);
    journal::record_view whole;
    BOOST_REQUIRE(
        journal::decode(std::as_bytes(std::span(source)), 0, journal::checksum::verified, whole));
    const std::vector<journal::change_view> all(whole.changes.begin(), whole.changes.end());
    const std::vector<journal::change_view> values{all[0], all[2]};
    struct row {
        const char* name;
        journal::live_part live;
        std::string_view name_space;
        std::string reply;
        std::size_t changes;
    };
    const row rows[] = {
        {"everything", {true, true, values}, "n", "reply", 2},
        {"a value", {false, false, std::span(values).first(1)}, "n", "", 1},
        {"the counter", {true, false, {}}, "n", "", 0},
        {"the reply", {false, true, {}}, "", "reply", 0},
    };
    for (const row& each : rows) {
        std::vector<std::uint64_t> words;
        journal::encode_carry(whole, each.live, words);
        journal::seal(words, 4096);
        BOOST_TEST(words.size() <= source.size(), each.name);
        journal::record_view seen;
        BOOST_REQUIRE(journal::decode(std::as_bytes(std::span(words)), 4096,
                                      journal::checksum::verified, seen));
        BOOST_TEST(!seen.is_event());
        BOOST_TEST(seen.counter == each.live.counter, each.name);
        BOOST_TEST(seen.kept_reply == each.live.reply, each.name);
        BOOST_TEST(seen.name_space == each.name_space, each.name);
        BOOST_TEST(text(seen.reply) == each.reply, each.name);
        BOOST_TEST(seen.changes.size() == each.changes, each.name);
        BOOST_TEST(seen.commit == 77u);
        BOOST_TEST(seen.revision == 5u);
        BOOST_TEST(seen.time == 6);
        BOOST_TEST((seen.by == what.by));
        BOOST_TEST(seen.request == 9u);
        for (const auto& change : seen.changes) {
            BOOST_TEST(text(*change.after) == "value " + std::string(change.key));
            BOOST_TEST((change.before == journal::before_kind::absent));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
