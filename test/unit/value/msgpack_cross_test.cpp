// Against another implementation: what one writes the other reads.
#include "support.hpp"
#include "value/msgpack.hpp"

#include <nlohmann/json.hpp>

using namespace zproc;
using nlohmann::json;
using test::random_values;

namespace {

std::vector<std::uint8_t> plain(const bytes& run)
{
    std::vector<std::uint8_t> out;
    for (std::byte each : run)
        out.push_back(std::to_integer<std::uint8_t>(each));
    return out;
}

json theirs(const value& content)
{
    switch (content.kind()) {
    case value_kind::null: return nullptr;
    case value_kind::boolean: return content.get<bool>();
    case value_kind::integer: return content.get<std::int64_t>();
    case value_kind::real: return content.get<double>();
    case value_kind::string: return content.get<std::string>();
    case value_kind::binary: return json::binary(plain(content.get<bytes>()));
    case value_kind::sequence: {
        json made = json::array();
        for (const value& each : content)
            made.push_back(theirs(each));
        return made;
    }
    case value_kind::dict: {
        json made = json::object();
        for (const auto& [key, each] : content.as_dict())
            made[key] = theirs(each);
        return made;
    }
    case value_kind::object: {
        bytes inner;
        msgpack::writer writer(inner);
        writer.write_array_header(2);
        writer.write_str(content.get<object>().type);
        writer.write_bin(content.get<object>().data);
        return json::binary(plain(inner), 1);
    }
    }
    return {};
}

} // namespace

BOOST_AUTO_TEST_SUITE(msgpack_cross)

BOOST_AUTO_TEST_CASE(encode_is_read_by_another_implementation)
{
    random_values random(10);
    for (int i = 0; i != 2000; ++i) {
        const value content = random.any(4);
        bytes run;
        BOOST_TEST(!msgpack::encode(content, run));
        BOOST_TEST((json::from_msgpack(plain(run)) == theirs(content)));
    }
}

BOOST_AUTO_TEST_CASE(decode_reads_another_implementation)
{
    random_values random(11);
    for (int i = 0; i != 2000; ++i) {
        const value content = random.any(4);
        const auto written = json::to_msgpack(theirs(content));
        value back;
        BOOST_TEST(!msgpack::decode(std::as_bytes(std::span(written)), back));
        BOOST_TEST(identical(back, content));
    }
}

BOOST_AUTO_TEST_CASE(json_text_is_read_by_another_implementation)
{
    random_values random(12);
    for (int i = 0; i != 1000; ++i) {
        const value content = random.any(4, false);
        BOOST_TEST((json::parse(content.to_json()) == theirs(content)));
        BOOST_TEST(identical(value::parse_json(theirs(content).dump()), content));
    }
}

BOOST_AUTO_TEST_SUITE_END()
