#include <zproc/error.hpp>
#include <zproc/task_id.hpp>

#include <cerrno>
#include <ostream>

#include <sys/random.h>

namespace zproc {

namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t digits_of_half = 16;

void put(std::string& out, std::uint64_t half)
{
    for (std::size_t i = 0; i != digits_of_half; ++i)
        out += digits[half >> (4 * (digits_of_half - 1 - i)) & 15U];
}

bool take(std::string_view text, std::uint64_t& half) noexcept
{
    half = 0;
    for (const char c : text) {
        const auto digit = digits.find(c);
        if (digit == std::string_view::npos)
            return false;
        half = half << 4 | digit;
    }
    return true;
}

} // namespace

task_id::task_id(std::string_view name)
{
    const auto found = parse(name);
    if (!found)
        throw system_error(errc::not_representable,
                           "\"" + std::string(name) +
                               "\" is no task id: that has 32 digits 0-9a-f");
    *this = *found;
}

task_id task_id::random()
{
    task_id made;
    // Never short: it is less than 256 bytes.
    if (::getrandom(&made.high, sizeof made.high, 0) != sizeof made.high ||
        ::getrandom(&made.low, sizeof made.low, 0) != sizeof made.low)
        throw system_error(error_code(errno, boost::system::system_category()));
    return made;
}

std::string task_id::name() const
{
    std::string made;
    made.reserve(2 * digits_of_half);
    put(made, high);
    put(made, low);
    return made;
}

std::optional<task_id> task_id::parse(std::string_view name) noexcept
{
    task_id made;
    if (name.size() != 2 * digits_of_half || !take(name.substr(0, digits_of_half), made.high) ||
        !take(name.substr(digits_of_half), made.low))
        return std::nullopt;
    return made;
}

std::ostream& operator<<(std::ostream& out, const task_id& id)
{
    return out << id.name();
}

} // namespace zproc
