#include "value/json.hpp"

#include "value/msgpack.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <array>
#include <charconv>
#include <cmath>

namespace zproc::json {

namespace {

namespace bj = boost::json;

/// Receives what Boost.JSON's parser meets, and builds the value of it.
class builder {
public:
    // Boost.JSON asks for these; the limits of memory are those of the text itself.
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

    value take() { return std::move(done_); }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) { return enter(value(dict())); }
    bool on_object_end(std::size_t, error_code&) { return leave(); }
    bool on_array_begin(error_code&) { return enter(value(list())); }
    bool on_array_end(std::size_t, error_code&) { return leave(); }
    bool on_key_part(bj::string_view part, std::size_t, error_code&) { return gather(part); }
    bool on_key(bj::string_view part, std::size_t, error_code&)
    {
        gather(part);
        open_.back().key = std::exchange(text_, {});
        return true;
    }
    bool on_string_part(bj::string_view part, std::size_t, error_code&) { return gather(part); }
    bool on_string(bj::string_view part, std::size_t, error_code&)
    {
        gather(part);
        return put(value(std::exchange(text_, {})));
    }
    bool on_number_part(bj::string_view part, error_code&) { return gather(part); }
    bool on_int64(std::int64_t number, bj::string_view, error_code&)
    {
        text_.clear();
        return put(value(number));
    }
    bool on_uint64(std::uint64_t number, bj::string_view, error_code& ec)
    {
        text_.clear();
        if (std::in_range<std::int64_t>(number))
            return put(value(number));
        ec = make_error_code(errc::not_representable);
        return false;
    }
    bool on_double(double number, bj::string_view part, error_code& ec)
    {
        // Boost.JSON 1.81 makes doubles of integers beyond 64 bits, infinity of 1e999, and is
        // wrong in the last digits: only what is too small for a number is taken from it.
        gather(part);
        const bool integer = text_.find_first_of(".eE") == text_.npos;
        double exact = number;
        const auto parsed = std::from_chars(text_.data(), text_.data() + text_.size(), exact);
        text_.clear();
        if (parsed.ec == std::errc::result_out_of_range)
            exact = number;
        if (!integer && std::isfinite(exact))
            return put(value(exact));
        ec = make_error_code(errc::not_representable);
        return false;
    }
    bool on_bool(bool flag, error_code&) { return put(value(flag)); }
    bool on_null(error_code&) { return put(value()); }
    bool on_comment_part(bj::string_view, error_code&) { return true; }
    bool on_comment(bj::string_view, error_code&) { return true; }

private:
    struct level {
        value container;
        std::string key; // in the container above, once this one is complete: of the next element
    };

    bool gather(bj::string_view part)
    {
        text_.append(part.data(), part.size());
        return true;
    }

    bool enter(value container)
    {
        open_.push_back({std::move(container), {}});
        return true;
    }

    bool leave()
    {
        value complete = std::move(open_.back().container);
        open_.pop_back();
        return put(std::move(complete));
    }

    bool put(value element)
    {
        if (open_.empty()) {
            done_ = std::move(element);
        } else if (auto& [container, key] = open_.back(); container.is_dict()) {
            container[key] = std::move(element);
        } else {
            container.push_back(std::move(element));
        }
        return true;
    }

    std::vector<level> open_;
    std::string text_;
    value done_;
};

void print_double(double number, std::string& out)
{
    if (!std::isfinite(number)) {
        out += "null";
        return;
    }
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    const std::string_view text(digits.data(), end);
    out += text;
    if (text.find_first_of(".e") == text.npos)
        out += ".0"; // stays a double when read again
}

/// The length of the well-formed UTF-8 sequence that `text` begins with; 0 if there is none.
/// Source: table 3-7 of the Unicode standard.
std::size_t utf8_length(std::string_view text)
{
    const auto at = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const auto follows = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
    const unsigned first = at(0);
    const unsigned second = at(1);
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return follows(1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const bool overlong = first == 0xE0 && second < 0xA0;
        const bool surrogate = first == 0xED && second > 0x9F;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const bool overlong = first == 0xF0 && second < 0x90;
        const bool beyond = first == 0xF4 && second > 0x8F;
        return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

void print_string(std::string_view text, std::string& out)
{
    out += '"';
    while (!text.empty()) {
        const auto length = utf8_length(text);
        const char next = text.front();
        if (length == 0) {
            out += "\xEF\xBF\xBD"; // U+FFFD
        } else if (next == '"' || next == '\\') {
            out += '\\';
            out += next;
        } else if (static_cast<unsigned char>(next) < 0x20 || next == 0x7F) {
            constexpr std::string_view hex = "0123456789abcdef";
            constexpr std::string_view named = "\b\t\n\f\r";
            if (const auto name = named.find(next); name != named.npos) {
                out += '\\';
                out += "btnfr"[name];
            } else {
                out += "\\u00";
                out += hex[static_cast<unsigned char>(next) >> 4U];
                out += hex[static_cast<unsigned char>(next) & 15U];
            }
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    out += '"';
}

void print_base64(std::span<const std::byte> run, std::string& out)
{
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out += '"';
    for (std::size_t i = 0; i < run.size(); i += 3) {
        const auto taken = std::min<std::size_t>(3, run.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k != 3; ++k)
            group = group << 8U | (k < taken ? std::to_integer<std::uint32_t>(run[i + k]) : 0U);
        for (std::size_t k = 0; k != 4; ++k)
            out +=
                k <= taken ? alphabet[group >> (18U - 6U * static_cast<unsigned>(k)) & 63U] : '=';
    }
    out += '"';
}

} // namespace

value parse(std::string_view text)
{
    bj::parse_options options;
    options.max_depth = msgpack::limits{}.depth;
    bj::basic_parser<builder> parser(options);
    error_code ec;
    const auto consumed = parser.write_some(false, text.data(), text.size(), ec);
    if (!ec && consumed < text.size())
        ec = bj::error::extra_data;
    if (!ec)
        return parser.handler().take();
    const auto where = "JSON at byte " + std::to_string(consumed);
    if (ec == bj::error::too_deep)
        throw system_error(errc::value_too_deep, where);
    if (ec.category() == error_category())
        throw system_error(ec, where);
    throw system_error(errc::malformed_value, where + ": " + ec.message());
}

void print(const value& content, std::string& out)
{
    switch (content.kind()) {
    case value_kind::null: out += "null"; break;
    case value_kind::boolean: out += *content.get_if<bool>() ? "true" : "false"; break;
    case value_kind::integer: out += std::to_string(*content.get_if<std::int64_t>()); break;
    case value_kind::real: print_double(*content.get_if<double>(), out); break;
    case value_kind::string: print_string(*content.get_if<std::string>(), out); break;
    case value_kind::binary:
        out += "{\"$bytes\":";
        print_base64(*content.get_if<bytes>(), out);
        out += '}';
        break;
    case value_kind::sequence: {
        const char* separator = "[";
        for (const value& element : content) {
            out += std::exchange(separator, ",");
            print(element, out);
        }
        out += *separator == '[' ? "[]" : "]";
        break;
    }
    case value_kind::dict: {
        const char* separator = "{";
        for (const auto& [key, element] : content.as_dict()) {
            out += std::exchange(separator, ",");
            print_string(key, out);
            out += ':';
            print(element, out);
        }
        out += *separator == '{' ? "{}" : "}";
        break;
    }
    case value_kind::object: {
        const object& held = *content.get_if<object>();
        out += "{\"$object\":";
        print_string(held.type, out);
        out += ",\"$data\":";
        print_base64(held.data, out);
        out += '}';
        break;
    }
    }
}

} // namespace zproc::json
