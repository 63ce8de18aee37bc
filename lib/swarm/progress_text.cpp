#include <zproc/swarm_progress.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <ostream>
#include <string>

namespace zproc {

namespace {

std::string rounded(double number)
{
    return std::to_string(std::llround(number));
}

std::string rate_text(double rate)
{
    if (rate < 9.95) {
        const auto tenths = std::llround(rate * 10);
        return std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + "/s";
    }
    if (rate < 10e3)
        return rounded(rate) + "/s";
    if (rate < 10e6)
        return rounded(rate / 1e3) + "k/s";
    return rounded(std::min(rate, 1e18) / 1e6) + "M/s";
}

std::string two_digits(long long number)
{
    return (number < 10 ? "0" : "") + std::to_string(number);
}

/// Rounded up, so that nothing is left when "0:00 left" stands there.
std::string time_text(std::chrono::nanoseconds time)
{
    const auto all =
        std::chrono::ceil<std::chrono::seconds>(std::max(time, decltype(time)::zero()));
    const auto seconds = static_cast<long long>(all.count());
    const auto minutes = seconds / 60;
    const auto hours = minutes / 60;
    if (hours >= 48)
        return std::to_string(hours / 24) + 'd' + two_digits(hours % 24) + 'h';
    if (hours > 0)
        return std::to_string(hours) + ':' + two_digits(minutes % 60) + ':' +
               two_digits(seconds % 60);
    return std::to_string(minutes) + ':' + two_digits(seconds % 60);
}

bool begins_character(char c)
{
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
}

std::size_t columns_of(std::string_view text)
{
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

/// Its first characters; what would move the cursor is shown as '?'.
std::string shortened(std::string_view text, std::size_t columns)
{
    std::string made;
    std::size_t taken = 0;
    for (const char c : text) {
        if (begins_character(c) && ++taken > columns)
            break;
        const auto code = static_cast<unsigned char>(c);
        made += code < 0x20 || code == 0x7F ? '?' : c;
    }
    return made;
}

std::string bar_text(std::uint64_t settled, std::uint64_t total, std::size_t columns)
{
    const auto inside = columns - 2;
    const auto share =
        total == 0 ? 1.0
                   : static_cast<double>(std::min(settled, total)) / static_cast<double>(total);
    const auto filled =
        std::min(inside, static_cast<std::size_t>(share * static_cast<double>(inside)));
    std::string made(inside, ' ');
    std::fill_n(made.begin(), filled, '=');
    if (filled != inside)
        made[filled] = '>';
    return '[' + made + ']';
}

/// 100 only when that is all.
unsigned percent(std::uint64_t settled, std::uint64_t total)
{
    if (settled >= total)
        return 100;
    const auto share = static_cast<double>(settled) / static_cast<double>(total);
    return std::min(99u, static_cast<unsigned>(share * 100));
}

/// The parts of the line, in their order; an empty one is not there.
struct parts {
    enum { title, share, bar, counts, failed, rate, time, count };
    std::array<std::string, count> text;

    std::size_t columns() const
    {
        std::size_t sum = 0;
        for (const auto& each : text)
            if (!each.empty())
                sum += columns_of(each) + 1;
        return sum == 0 ? 0 : sum - 1;
    }

    std::string line() const
    {
        std::string made;
        for (const auto& each : text) {
            if (each.empty())
                continue;
            if (!made.empty())
                made += ' ';
            made += each;
        }
        return made;
    }
};

constexpr std::size_t least_bar = 10;
constexpr std::size_t most_bar = 42;

parts parts_of(const swarm_progress& at, std::string_view title, std::size_t columns)
{
    parts p;
    p.text[parts::title] = shortened(title, columns);
    p.text[parts::counts] = std::to_string(at.settled());
    if (at.total) {
        p.text[parts::share] = std::to_string(percent(at.settled(), *at.total)) + '%';
        p.text[parts::share].insert(0, 4 - p.text[parts::share].size(), ' ');
        p.text[parts::counts] += '/' + std::to_string(*at.total);
    }
    if (at.failed != 0)
        p.text[parts::failed] = std::to_string(at.failed) + " failed";
    if (at.rate > 0)
        p.text[parts::rate] = rate_text(at.rate);
    if (at.over)
        p.text[parts::time] = "in " + time_text(at.elapsed);
    else if (at.remaining)
        p.text[parts::time] = time_text(*at.remaining) + " left";
    else
        p.text[parts::time] = time_text(at.elapsed);
    return p;
}

} // namespace

std::string render_progress(const swarm_progress& at, std::string_view title, std::size_t columns)
{
    auto p = parts_of(at, title, columns);
    const auto with_bar = p.columns() + 1 + least_bar;
    if (at.total && with_bar <= columns)
        p.text[parts::bar] =
            bar_text(at.settled(), *at.total, std::min(least_bar + (columns - with_bar), most_bar));
    for (const auto less : {parts::rate, parts::time, parts::title, parts::share, parts::failed})
        if (p.columns() > columns)
            p.text[less].clear();
    return shortened(p.line(), columns);
}

std::ostream& operator<<(std::ostream& out, const swarm_progress& at)
{
    return out << parts_of(at, {}, 0).line();
}

} // namespace zproc
