#include "value/msgpack.hpp"

#include "support.hpp"

#include <limits>

using namespace zproc;
using test::random_values;

namespace {

bytes of(std::initializer_list<int> numbers)
{
    bytes made;
    for (int each : numbers)
        made.push_back(static_cast<std::byte>(each));
    return made;
}

bytes encoded(const value& content)
{
    bytes out;
    BOOST_TEST(!msgpack::encode(content, out));
    return out;
}

std::string hex(const bytes& run)
{
    std::string out;
    for (std::byte each : run) {
        out += "0123456789abcdef"[std::to_integer<int>(each) >> 4];
        out += "0123456789abcdef"[std::to_integer<int>(each) & 15];
    }
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(msgpack_codec)

BOOST_AUTO_TEST_CASE(encode_is_the_shortest_form)
{
    const std::pair<value, std::string> rows[] = {
        {nullptr, "c0"},
        {false, "c2"},
        {true, "c3"},
        {0, "00"},
        {127, "7f"},
        {128, "cc80"},
        {255, "ccff"},
        {256, "cd0100"},
        {65535, "cdffff"},
        {65536, "ce00010000"},
        {UINT32_MAX, "ceffffffff"},
        {std::int64_t(UINT32_MAX) + 1, "cf0000000100000000"},
        {INT64_MAX, "cf7fffffffffffffff"},
        {-1, "ff"},
        {-32, "e0"},
        {-33, "d0df"},
        {-128, "d080"},
        {-129, "d1ff7f"},
        {-32768, "d18000"},
        {-32769, "d2ffff7fff"},
        {INT32_MIN, "d280000000"},
        {std::int64_t(INT32_MIN) - 1, "d3ffffffff7fffffff"},
        {INT64_MIN, "d38000000000000000"},
        {1.0, "cb3ff0000000000000"},
        {"", "a0"},
        {"abc", "a3616263"},
        {bytes{}, "c400"},
        {of({1, 2}), "c4020102"},
        {list(), "90"},
        {list_of(1, "a"), "9201a161"},
        {dict(), "80"},
        {dict::of("b", 1, "a", 2), "82a16102a16201"},
        {object("t", of({7})), "c7060192a174c40107"}, // 6 bytes: ext 8
        {object("tt", {}), "c7060192a27474c400"},
        {object("", {}), "d60192a0c400"}, // 4 bytes: fixext 4
    };
    for (const auto& [content, expected] : rows) {
        const auto run = encoded(content);
        BOOST_TEST(hex(run) == expected, content);
        value back;
        BOOST_TEST(!msgpack::decode(run, back));
        BOOST_TEST(identical(back, content), content << " came back as " << back);
        for (value other : {value(std::string(100, 'x')), value(list_of(1, "a")), value(1.5)}) {
            BOOST_TEST(!msgpack::decode(run, other));
            BOOST_TEST(identical(other, content), content << " replaced by " << other);
        }
        BOOST_TEST(!msgpack::validate(run), content);
    }
}

BOOST_AUTO_TEST_CASE(encode_takes_every_size_of_header)
{
    for (std::size_t size : {15U, 16U, 31U, 32U, 255U, 256U, 65535U, 65536U}) {
        list elements(size);
        dict entries;
        for (std::size_t i = 0; i != size; ++i)
            entries.insert_or_assign(std::to_string(i), true);
        for (const value& content :
             {value(std::string(size, 'x')), value(bytes(size)), value(elements), value(entries),
              value(object("t", bytes(size))), value(dict().with(std::string(size, 'k'), 1))}) {
            const auto run = encoded(content);
            value back;
            BOOST_TEST(!msgpack::decode(run, back));
            BOOST_TEST(identical(back, content));
            BOOST_TEST(!msgpack::validate(run), size << ' ' << to_string(content.kind()));
        }
    }
}

BOOST_AUTO_TEST_CASE(decode_returns_any_value_encoded)
{
    random_values random(1);
    for (int i = 0; i != 3000; ++i) {
        const value content = random.any(4);
        const auto run = encoded(content);
        value back;
        BOOST_TEST(!msgpack::decode(run, back));
        BOOST_TEST(identical(back, content));
        BOOST_TEST(!msgpack::validate(run));
    }
}

BOOST_AUTO_TEST_CASE(decode_fails_for_every_cut)
{
    random_values random(2);
    for (int i = 0; i != 100; ++i) {
        const auto run = encoded(random.any(3));
        for (std::size_t size = 0; size < run.size(); size += 1 + size / 50) {
            value back = "before";
            const auto cut = std::span(run).first(size);
            BOOST_TEST(msgpack::decode(cut, back) == errc::malformed_value);
            BOOST_TEST(back.is_null());
            BOOST_TEST(msgpack::validate(cut) == errc::malformed_value);
        }
    }
}

BOOST_AUTO_TEST_CASE(decode_survives_every_flipped_byte)
{
    random_values random(3);
    for (int i = 0; i != 100; ++i) {
        auto run = encoded(random.any(3));
        for (std::size_t at = 0; at < run.size(); at += 1 + at / 20) {
            const auto before = run[at];
            run[at] ^= static_cast<std::byte>(1 + random.below(255));
            value back;
            const auto ec = msgpack::decode(run, back);
            if (!msgpack::validate(run)) { // then it is one, and this its only encoding
                BOOST_TEST(!ec);
                BOOST_TEST((encoded(back) == run));
            }
            run[at] = before;
        }
    }
}

BOOST_AUTO_TEST_CASE(decode_refuses_what_is_no_value)
{
    const struct {
        const char* name;
        bytes run;
        errc decoded;
    } rows[] = {
        {"nothing", {}, errc::malformed_value},
        {"trailing byte", of({1, 2}), errc::malformed_value},
        {"unused tag", of({0xC1}), errc::malformed_value},
        {"beyond int64", of({0xCF, 0x80, 0, 0, 0, 0, 0, 0, 0}), errc::not_representable},
        {"key twice", of({0x82, 0xA1, 'a', 1, 0xA1, 'a', 2}), errc::malformed_value},
        {"key no string", of({0x81, 1, 1}), errc::malformed_value},
        {"huge array", of({0xDD, 255, 255, 255, 255}), errc::malformed_value},
        {"huge map", of({0xDF, 255, 255, 255, 255, 0xA0, 1}), errc::malformed_value},
        {"huge string", of({0xDB, 255, 255, 255, 255, 'x'}), errc::malformed_value},
        {"huge bin", of({0xC6, 255, 255, 255, 255, 'x'}), errc::malformed_value},
        {"huge ext", of({0xC9, 255, 255, 255, 255, 1}), errc::malformed_value},
        {"other ext", of({0xD4, 2, 0}), errc::malformed_value},
        {"timestamp", of({0xD6, 0xFF, 0, 0, 0, 0}), errc::malformed_value},
        {"ext of no object", of({0xD4, 1, 0}), errc::malformed_value},
        {"ext of three", of({0xC7, 5, 1, 0x93, 0xA0, 0xC4, 0, 1}), errc::malformed_value},
        {"ext with a tail", of({0xC7, 5, 1, 0x92, 0xA0, 0xC4, 0, 1}), errc::malformed_value},
    };
    for (const auto& [name, run, decoded] : rows) {
        BOOST_TEST_CONTEXT(name)
        {
            value back;
            BOOST_TEST(msgpack::decode(run, back) == decoded);
            BOOST_TEST(msgpack::validate(run) == decoded);
            msgpack::reader reader(run);
            reader.read_raw();
            reader.expect_end();
            BOOST_TEST(reader.error() == decoded);
        }
    }
}

BOOST_AUTO_TEST_CASE(validate_refuses_what_is_not_canonical)
{
    const std::pair<const char*, bytes> rows[] = {
        {"long uint 8", of({0xCC, 0x7F})},
        {"long uint 16", of({0xCD, 0, 0xFF})},
        {"long uint 32", of({0xCE, 0, 0, 0xFF, 0xFF})},
        {"long uint 64", of({0xCF, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF})},
        {"positive int 8", of({0xD0, 1})},
        {"long int 8", of({0xD0, 0xE0})},
        {"long int 16", of({0xD1, 0xFF, 0x80})},
        {"long int 32", of({0xD2, 0xFF, 0xFF, 0x80, 0})},
        {"long int 64", of({0xD3, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0, 0, 0})},
        {"float 32", of({0xCA, 0x3F, 0x80, 0, 0})},
        {"long str 8", of({0xD9, 1, 'x'})},
        {"long str 16", of({0xDA, 0, 1, 'x'})},
        {"long str 32", of({0xDB, 0, 0, 0, 1, 'x'})},
        {"long bin 16", of({0xC5, 0, 1, 'x'})},
        {"long bin 32", of({0xC6, 0, 0, 0, 1, 'x'})},
        {"long array 16", of({0xDC, 0, 1, 1})},
        {"long array 32", of({0xDD, 0, 0, 0, 1, 1})},
        {"long map 16", of({0xDE, 0, 0})},
        {"long map 32", of({0xDF, 0, 0, 0, 0})},
        {"keys out of order", of({0x82, 0xA1, 'b', 1, 0xA1, 'a', 2})},
        {"long key", of({0x81, 0xD9, 1, 'x', 1})},
        {"long ext 8", of({0xC7, 4, 1, 0x92, 0xA0, 0xC4, 0})},
        {"long ext 16", of({0xC8, 0, 4, 1, 0x92, 0xA0, 0xC4, 0})},
        {"long array in ext", of({0xC7, 6, 1, 0xDC, 0, 2, 0xA0, 0xC4, 0})},
    };
    for (const auto& [name, run] : rows) {
        BOOST_TEST_CONTEXT(name)
        {
            BOOST_TEST(msgpack::validate(run) == errc::malformed_value);
            value back; // but other writers may write so
            BOOST_TEST(!msgpack::decode(run, back));
            BOOST_TEST((encoded(back) != run));
        }
    }
}

BOOST_AUTO_TEST_CASE(limits_hold_on_both_sides)
{
    bytes run = of({42});
    BOOST_TEST(!msgpack::encode(test::nested(64), run));
    BOOST_TEST(!msgpack::validate(std::span(run).subspan(1)));
    run = of({42});
    BOOST_TEST(msgpack::encode(test::nested(65), run) == errc::value_too_deep);
    BOOST_TEST((run == of({42})));

    run.assign(65, std::byte{0x91});
    run.push_back(std::byte{1});
    value back;
    BOOST_TEST(msgpack::decode(run, back) == errc::value_too_deep);
    BOOST_TEST(msgpack::validate(run) == errc::value_too_deep);
    run.assign(200000, std::byte{0x91});
    BOOST_TEST(msgpack::decode(run, back) == errc::value_too_deep);

    const msgpack::limits small{.depth = 1, .size = 10};
    const std::pair<value, errc> rows[] = {
        {std::string(9, 'x'), {}},
        {std::string(10, 'x'), errc::too_large},
        {bytes(8), {}},
        {bytes(9), errc::too_large},
        {list(9), {}},
        {list(10), errc::too_large},
        {dict::of("123456789", 1), errc::too_large},
        {object("1234", {}), {}},
        {object("12345", {}), errc::too_large},
        {list_of(list()), errc::value_too_deep},
        {list_of(dict()), errc::value_too_deep},
    };
    for (const auto& [content, expected] : rows) {
        BOOST_TEST_CONTEXT(content)
        {
            const error_code ec = expected == errc{} ? error_code() : make_error_code(expected);
            bytes out;
            BOOST_TEST(msgpack::encode(content, out, small) == ec);
            const auto whole = encoded(content);
            BOOST_TEST(msgpack::decode(whole, back, small) == ec);
            BOOST_TEST(msgpack::validate(whole, small) == ec);
        }
    }
    bytes items = of({0xA3, 'a', 'b', 'c', 1});
    msgpack::reader reader(items);
    BOOST_TEST(reader.read_raw({.depth = 0, .size = 3}).empty());
    BOOST_TEST(reader.error() == errc::too_large);
}

BOOST_AUTO_TEST_CASE(reader_takes_what_writer_wrote)
{
    bytes out;
    msgpack::writer writer(out);
    writer.write_array_header(10);
    writer.write_nil();
    writer.write_bool(true);
    writer.write_uint(UINT64_MAX);
    writer.write_int(-5);
    writer.write_double(0.5);
    writer.write_str("text");
    writer.write_bin(of({1, 2}));
    writer.write_raw(encoded(list_of(1, "x")));
    writer.write_map_header(1);
    writer.write_str("k");
    writer.write_uint(7);
    writer.write_ext_header(9, 3);
    writer.write_raw(of({1, 2, 3}));

    msgpack::reader reader(out);
    reader.expect_array(10);
    BOOST_TEST(reader.next_is_nil());
    reader.read_nil();
    BOOST_TEST(reader.read_bool());
    BOOST_TEST(reader.read_uint() == UINT64_MAX);
    BOOST_TEST(reader.read_int() == -5);
    BOOST_TEST(reader.read_double() == 0.5);
    BOOST_TEST((reader.next_kind() == value_kind::string));
    BOOST_TEST(reader.read_str() == "text");
    BOOST_TEST(reader.read_bin().size() == 2U);
    BOOST_TEST(reader.read_raw().size() == 4U);
    BOOST_TEST(reader.read_map_header() == 1U);
    BOOST_TEST(reader.read_str() == "k");
    BOOST_TEST(reader.read_uint() == 7U);
    std::int8_t type = 0;
    BOOST_TEST(reader.read_ext_header(type) == 3U);
    BOOST_TEST(type == 9);
    BOOST_TEST(reader.remaining() == 3U);
    reader.skip(3);
    reader.expect_end();
    BOOST_TEST(reader.ok());
}

BOOST_AUTO_TEST_CASE(reader_stays_failed_after_the_first_error)
{
    const auto items = of({1, 0xA1, 'x', 2});
    msgpack::reader reader(items);
    BOOST_TEST(reader.read_str().empty());
    BOOST_TEST(reader.error() == errc::malformed_value);
    reader.fail(errc::too_large);
    BOOST_TEST(reader.error() == errc::malformed_value);
    std::int8_t type = 0;
    BOOST_TEST((reader.read_uint() == 0 && reader.read_int() == 0 && !reader.read_bool()));
    BOOST_TEST(
        (reader.read_str().empty() && reader.read_bin().empty() && reader.read_raw().empty()));
    BOOST_TEST((reader.read_array_header() == 0 && reader.read_map_header() == 0));
    BOOST_TEST((reader.read_double() == 0 && reader.read_ext_header(type) == 0));
    BOOST_TEST(!reader.ok());
    msgpack::reader nothing({});
    BOOST_TEST(nothing.at_end());
    const auto minus = of({0xFF});
    msgpack::reader signed_one(minus);
    BOOST_TEST(signed_one.read_uint() == 0U);
    BOOST_TEST(signed_one.error() == errc::not_representable);
}

BOOST_AUTO_TEST_SUITE_END()
