#include <zproc/value.hpp>

#include <cstdlib>

using namespace zproc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string text(reinterpret_cast<const char*>(data), size);
    // any bytes may be printed, and what is printed can be read
    const auto printed = value(text).to_json();
    if (!value::parse_json(printed).is_string())
        std::abort();
    value content;
    try {
        content = value::parse_json(text);
    } catch (const system_error& refused) {
        if (refused.code() != errc::malformed_value && refused.code() != errc::value_too_deep &&
            refused.code() != errc::not_representable)
            std::abort();
        return 0;
    }
    if (!identical(value::parse_json(content.to_json()), content))
        std::abort();
    return 0;
}
