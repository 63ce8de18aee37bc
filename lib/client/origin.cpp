#include <zproc/origin.hpp>

#include <array>
#include <charconv>
#include <ostream>

namespace zproc {

namespace {

constexpr std::size_t session_digits = 16;

} // namespace

std::string origin::name() const
{
    constexpr std::string_view hex = "0123456789abcdef";
    std::string text(session_digits, '0');
    for (std::size_t i = 0; i != session_digits; ++i)
        text[i] = hex[session >> (4 * (session_digits - 1 - i)) & 15U];
    return text + '.' + std::to_string(handle);
}

std::optional<origin> origin::parse(std::string_view name)
{
    origin made;
    const auto take = [](std::string_view digits, auto& number, int base) {
        const auto* end = digits.data() + digits.size();
        const auto [stopped, ec] = std::from_chars(digits.data(), end, number, base);
        return ec == std::errc() && stopped == end;
    };
    if (name.size() < session_digits + 2 || name[session_digits] != '.' ||
        !take(name.substr(0, session_digits), made.session, 16) ||
        !take(name.substr(session_digits + 1), made.handle, 10))
        return std::nullopt;
    // One origin has one name: no capitals, no signs, no further zeros.
    return made.name() == name ? std::optional(made) : std::nullopt;
}

std::ostream& operator<<(std::ostream& out, const origin& from)
{
    return out << from.name();
}

} // namespace zproc
