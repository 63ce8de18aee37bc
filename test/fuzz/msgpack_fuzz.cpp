#include "value/msgpack.hpp"

#include "oracle.hpp"

using namespace zproc;

namespace {

using fuzz::require;

// Every read in an order that the input chooses.
void read_items(std::span<const std::byte> input)
{
    msgpack::reader order(input.first(input.size() / 2));
    msgpack::reader items(input.subspan(input.size() / 2));
    std::int8_t type = 0;
    for (auto rest = order.rest(); !rest.empty() && items.ok(); rest = rest.subspan(1)) {
        switch (std::to_integer<int>(rest.front()) % 11) {
        case 0: items.read_nil(); break;
        case 1: items.read_bool(); break;
        case 2: items.read_uint(); break;
        case 3: items.read_int(); break;
        case 4: items.read_double(); break;
        case 5: require(items.read_str().size() <= input.size()); break;
        case 6: require(items.read_bin().size() <= input.size()); break;
        case 7: require(items.read_array_header() <= input.size()); break;
        case 8: require(items.read_map_header() <= input.size()); break;
        case 9: items.skip(items.read_ext_header(type)); break;
        default: items.read_raw();
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto input = std::as_bytes(std::span(data, size));
    value content;
    const auto ec = msgpack::decode(input, content);
    const bool canonical = !msgpack::validate(input);
    require(!canonical || !ec);
    if (!ec) {
        // Short forms for long ones: never larger, but for doubles of float 32.
        bytes again;
        require(!msgpack::encode(content, again, {.size = 2 * msgpack::limits{}.size}));
        require(canonical == std::equal(input.begin(), input.end(), again.begin(), again.end()));
        require(!msgpack::validate(again, {.size = 2 * msgpack::limits{}.size}));
        value twice;
        require(!msgpack::decode(again, twice, {.size = 2 * msgpack::limits{}.size}));
        require(identical(content, twice));
    }
    read_items(input);
    return 0;
}
