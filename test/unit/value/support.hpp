#pragma once

#include <zproc/value.hpp>

#include <boost/test/unit_test.hpp>

#include <bit>
#include <ostream>
#include <random>
#include <string>

namespace zproc {

// found by Boost.Test; static, as other rooms have their own
static inline std::ostream& operator<<(std::ostream& out, errc code)
{
    return out << make_error_code(code).message();
}

} // namespace zproc

namespace zproc::test {

/// Runs `body` and returns the code it throws; success when it throws none.
template <class Body>
error_code code_of(Body&& body)
{
    try {
        body();
    } catch (const system_error& thrown) {
        return thrown.code();
    }
    return {};
}

template <class Body>
std::string text_of(Body&& body)
{
    try {
        body();
    } catch (const system_error& thrown) {
        return thrown.what();
    }
    return {};
}

/// Values of every kind and of sizes around the limits between encodings.
class random_values {
public:
    explicit random_values(unsigned seed) : engine_(seed) {}

    std::size_t below(std::size_t limit)
    {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(engine_);
    }

    std::int64_t integer()
    {
        // an edge of some width, give or take a little
        const auto edge = static_cast<std::int64_t>(std::uint64_t{1} << below(64));
        const auto near =
            static_cast<std::int64_t>(static_cast<std::uint64_t>(edge) + below(5) - 2);
        return below(2) ? near : static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(near));
    }

    double real()
    {
        for (;;) {
            const auto number = std::bit_cast<double>(std::uint64_t(engine_()) << 32U | engine_());
            if (number == number)
                return below(2) ? number : static_cast<double>(below(1000)) / 8;
        }
    }

    std::string text()
    {
        static constexpr std::size_t sizes[] = {0, 1, 5, 31, 32, 33, 255, 256, 257};
        std::string made(sizes[below(std::size(sizes))], ' ');
        for (char& each : made)
            each = static_cast<char>(' ' + below(95));
        return made;
    }

    bytes run()
    {
        bytes made;
        for (char each : text())
            made.push_back(static_cast<std::byte>(each * 7));
        return made;
    }

    value scalar(bool with_bytes = true)
    {
        switch (below(with_bytes ? 7 : 5)) {
        case 0: return {};
        case 1: return below(2) == 1;
        case 2: return integer();
        case 3: return real();
        case 4: return text();
        case 5: return run();
        default: return object(text(), run());
        }
    }

    value any(std::size_t depth, bool with_bytes = true)
    {
        const auto kind = depth == 0 ? 2 : below(4);
        const auto count = below(10) == 0 ? below(40) : below(4);
        if (kind == 0) {
            list made;
            for (std::size_t i = 0; i != count; ++i)
                made.push_back(any(depth - 1, with_bytes));
            return made;
        }
        if (kind == 1) {
            dict made;
            for (std::size_t i = 0; i != count; ++i)
                made.insert_or_assign(text(), any(depth - 1, with_bytes));
            return made;
        }
        return scalar(with_bytes);
    }

private:
    std::mt19937 engine_;
};

/// A list in a list in a list …
inline value nested(std::size_t depth)
{
    value made = 1;
    for (std::size_t i = 0; i != depth; ++i)
        made = list_of(std::move(made));
    return made;
}

} // namespace zproc::test
