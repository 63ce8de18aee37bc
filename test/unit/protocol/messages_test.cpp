#include "protocol/messages.hpp"

#include "protocol/body.hpp"
#include "protocol/stream_messages.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>

using namespace zproc;
using namespace zproc::protocol;

namespace {

const std::byte seven[] = {std::byte{7}};
const std::byte half[] = {std::byte{0xcb}, std::byte{0x3f}, std::byte{0xe0},
                          std::byte{},     std::byte{},     std::byte{},
                          std::byte{},     std::byte{},     std::byte{}};
const mutation by{9, 4, 2};

struct row {
    const char* name;
    buffer body;
    /// Decodes into a fresh message and encodes that again.
    std::function<error_code(bytes_view, buffer&)> again;
};

template <class T>
row of(const char* name, const T& message)
{
    row r;
    r.name = name;
    encode(r.body, message);
    r.again = [](bytes_view body, buffer& out) {
        T copy;
        const auto ec = decode(body, copy);
        if (!ec.failed())
            encode(out, copy);
        return ec;
    };
    return r;
}

std::vector<row> all_messages()
{
    const present there{"k", 3, bytes_view(seven)};
    const present missing{"m", 0, {}};
    return {
        of("ping_request", ping_request()),
        of("ping_reply", ping_reply{4, -5}),
        of("get_request", get_request{"n", "k"}),
        of("get_reply", get_reply{3, 2, bytes_view(seven)}),
        of("get_reply_absent", get_reply{3, 0, {}}),
        of("contains_request", contains_request{"n", ""}),
        of("contains_reply", contains_reply{true}),
        of("size_request", size_request{"n"}),
        of("size_reply", size_reply{1u << 20}),
        of("keys_request", keys_request{"n"}),
        of("keys_reply", keys_reply{7, {"a", "b"}}),
        of("snapshot_request", snapshot_request{"n"}),
        of("snapshot_reply", snapshot_reply{7, {there, missing}}),
        of("read_request", read_request{"n", {"a", "b"}}),
        of("read_reply", read_reply{7, {there, missing}}),
        of("who_request", who_request{1ull << 63}),
        of("who_reply", who_reply{7, "eater"}),
        of("namespaces_request", namespaces_request()),
        of("namespaces_reply", namespaces_reply{{{"n", 1, 2}, {"m", 3, 4}}}),
        of("snapshot_request_in_a_turn", snapshot_request{"n", 1u << 20}),
        of("read_request_in_a_turn", read_request{"n", {"a"}, 9}),
        of("turn_request", turn_request{5, "n", {"a", "b"}, false, 1'000'000}),
        of("turn_request_for_everything", turn_request{1ull << 40, "n", {}, true, 0}),
        of("turn_reply", turn_reply{2'000'000, false, 7, {there, missing}}),
        of("turn_reply_whole", turn_reply{250'000'000, true, 7, {there}}),
        of("turn_reply_crowded", turn_reply{2'000'000, false, 7, {missing}, true}),
        of("turn_reply_over", turn_reply()),
        of("end_turn_request", end_turn_request{5}),
        of("watch_request", watch_request{5, "n", {"a"}}),
        of("watch_reply", watch_reply{1, 2, 3, 4}),
        of("unwatch_request", unwatch_request{5}),
        of("empty_reply", empty_reply()),
        of("attach_request", attach_request{true}),
        of("attach_reply", attach_reply{1, 2, 3}),
        of("stream_request", stream_request{3, 1ull << 40, 1u << 20}),
        of("stream_more_request", stream_more_request{77}),
        of("stream_end", stream_end{3, 1ull << 40}),
        of("stream_begun", stream_begun{2, 4096, 3, 1, 8, 16, 24, 32, 40, 48}),
        of("stream_piece", stream_piece{8, 16, half}),
        of("set_request", set_request{by, "n", "k", half}),
        of("erase_request", erase_request{by, "n", {"a", "b"}}),
        of("update_request", update_request{by, "n", {{"a", seven}, {"b", half}}}),
        of("replace_request", replace_request{by, "n", {}}),
        of("clear_request", clear_request{by, "n"}),
        of("pop_request", pop_request{by, "n", "k"}),
        of("pop_item_request", pop_item_request{by, "n"}),
        of("set_default_request", set_default_request{by, "n", "k", seven}),
        of("increment_request", increment_request{operation::decrement, by, "n", "k", half}),
        of("append_request", append_request{by, "n", "k", seven}),
        of("compare_exchange_request",
           compare_exchange_request{by, "n", "k", bytes_view(seven), {}}),
        of("commit_request", commit_request{by, "n", 6, {{"a", 1}}, {{"b", bytes_view(half)}}}),
        of("commit_request_no_scan", commit_request{by, "n", {}, {}, {{"b", {}}}}),
        of("commit_request_in_a_turn", commit_request{by, "n", {}, {{"a", 1}}, {}, 5}),
        of("commit_request_that_adds",
           commit_request{by, "n", {}, {}, {{"b", {}}}, 5, {{"k", seven}, {"m", half}}}),
        of("conflict_reply", conflict_reply{7, true, {there, missing}}),
        of("mutation_reply", mutation_reply{7, true, bytes_view(half)}),
        of("mutation_reply_plain", mutation_reply{7, false, {}}),
    };
}

error_code decode_set(mutation m, std::string_view name_space, std::string_view key,
                      bytes_view value, const limits& within = {})
{
    buffer body;
    encode(body, set_request{m, name_space, key, value});
    set_request out;
    return decode(body, out, within);
}

} // namespace

BOOST_AUTO_TEST_SUITE(protocol_messages)

BOOST_AUTO_TEST_CASE(every_message_comes_back_as_it_was)
{
    for (const auto& each : all_messages()) {
        BOOST_TEST_CONTEXT(each.name)
        {
            buffer again;
            BOOST_TEST(!each.again(each.body, again).failed());
            BOOST_TEST((again == each.body));
        }
    }
}

BOOST_AUTO_TEST_CASE(every_cut_and_every_addition_is_an_error)
{
    for (const auto& each : all_messages()) {
        BOOST_TEST_CONTEXT(each.name)
        {
            buffer out;
            for (std::size_t size = 0; size != each.body.size(); ++size) {
                const std::vector<std::byte> cut(each.body.data(), each.body.data() + size);
                BOOST_TEST(each.again(cut, out).failed());
            }
            auto longer = each.body;
            longer.push_back(std::byte{0});
            BOOST_TEST((each.again(longer, out) == errc::malformed_frame));
        }
    }
}

/// What is not refused means something: it comes back as exactly the same bytes.
BOOST_AUTO_TEST_CASE(every_flipped_bit_is_refused_or_another_message)
{
    for (const auto& each : all_messages()) {
        BOOST_TEST_CONTEXT(each.name)
        {
            for (std::size_t bit = 0; bit != 8 * each.body.size(); ++bit) {
                auto flipped = each.body;
                flipped[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
                buffer again;
                if (!each.again(flipped, again).failed())
                    BOOST_TEST(again.size() <= flipped.size());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(limits_have_errors_of_their_own)
{
    limits tight;
    tight.key_bytes = 3;
    tight.namespace_bytes = 4;
    tight.value_bytes = 8;
    tight.depth = 1;
    const std::byte nested[] = {std::byte{0x91}, std::byte{0x91}, std::byte{7}};
    const std::byte broken[] = {std::byte{0xc1}};
    BOOST_TEST(!decode_set(by, "nnnn", "kkk", seven, tight).failed());
    BOOST_TEST((decode_set(by, "nnnnn", "k", seven, tight) == errc::too_large));
    BOOST_TEST((decode_set(by, "n", "kkkk", seven, tight) == errc::too_large));
    BOOST_TEST((decode_set(by, "n", "k", half, tight) == errc::too_large));
    BOOST_TEST((decode_set(by, "n", "k", nested, tight) == errc::value_too_deep));
    BOOST_TEST((decode_set(by, "n", "k", broken, tight) == errc::malformed_value));
    BOOST_TEST((decode_set(by, "", "k", seven, tight) == errc::empty_namespace));
}

BOOST_AUTO_TEST_CASE(additions_are_of_numbers)
{
    const std::byte minus_one[] = {std::byte{0xff}};
    const std::byte nil[] = {std::byte{0xc0}};
    const std::byte yes[] = {std::byte{0xc3}};
    const std::byte text[] = {std::byte{0xa1}, std::byte{'1'}};
    const std::byte several[] = {std::byte{0x91}, std::byte{7}};
    const auto decoded = [](bytes_view amount, const limits& within = {}) {
        buffer body;
        encode(body, commit_request{by, "n", {}, {}, {}, 0, {{"k", seven}, {"kkkk", amount}}});
        commit_request out;
        return decode(body, out, within);
    };
    for (const auto number : {bytes_view(seven), bytes_view(half), bytes_view(minus_one)})
        BOOST_TEST(!decoded(number).failed());
    for (const auto other :
         {bytes_view(nil), bytes_view(yes), bytes_view(text), bytes_view(several)})
        BOOST_TEST((decoded(other) == errc::malformed_value));
    limits tight;
    tight.key_bytes = 3;
    BOOST_TEST((decoded(seven, tight) == errc::too_large));
}

/// No room is made for more of them than bytes have come.
BOOST_AUTO_TEST_CASE(additions_that_are_only_announced_are_refused)
{
    buffer body;
    encode(body, commit_request{by, "n", {}, {}, {}});
    body.pop_back();
    for (const auto byte : {0xdd, 0xff, 0xff, 0xff, 0xff})
        body.push_back(static_cast<std::byte>(byte));
    commit_request out;
    BOOST_TEST((decode(body, out) == errc::malformed_frame));
    BOOST_TEST(out.additions.capacity() == 0U);
}

BOOST_AUTO_TEST_CASE(mutation_numbers_begin_at_one_and_exceed_what_is_acknowledged)
{
    BOOST_TEST((decode_set({0, 0, 1}, "n", "k", seven) == errc::malformed_frame));
    BOOST_TEST((decode_set({5, 5, 1}, "n", "k", seven) == errc::malformed_frame));
    BOOST_TEST(!decode_set({5, 4, 1}, "n", "k", seven).failed());
}

BOOST_AUTO_TEST_CASE(turn_0_stands_for_none_and_cannot_be_asked_for)
{
    buffer body;
    encode(body, turn_request{0, "n", {}, true, 0});
    turn_request asked;
    BOOST_TEST((decode(body, asked) == errc::malformed_frame));

    body.clear();
    encode(body, end_turn_request{0});
    end_turn_request ended;
    BOOST_TEST((decode(body, ended) == errc::malformed_frame));

    body.clear();
    encode(body, turn_request{1, "", {}, true, 0});
    BOOST_TEST((decode(body, asked) == errc::empty_namespace));
}

BOOST_AUTO_TEST_CASE(results_are_taken_apart)
{
    buffer bytes;
    body_writer(bytes).list(2).flag(true).maybe(bytes_view(seven));
    exchange_result exchange;
    BOOST_TEST(!decode_result(bytes, exchange).failed());
    BOOST_TEST(exchange.exchanged);
    BOOST_TEST(exchange.found->size() == 1u);

    bytes.clear();
    body_writer(bytes).list(2).text("key").value(half);
    entry popped;
    BOOST_TEST(!decode_result(bytes, popped).failed());
    BOOST_TEST(popped.key == "key");
    BOOST_TEST(popped.value.size() == 9u);

    std::uint64_t number = 0;
    BOOST_TEST(!decode_result(seven, number).failed());
    BOOST_TEST(number == 7u);
    BOOST_TEST(decode_result(half, number).failed());
}

BOOST_AUTO_TEST_SUITE_END()
