// What g++ 12 gets wrong in code of our own, without a word: shown here, so that a compiler that
// does better is noticed. doc/traps.md has the story, and what users meet.

#include <boost/test/unit_test.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

namespace {

struct first {};
struct second {};
using any = std::variant<first, second>;

struct packet {
    std::unique_ptr<int> content;
};

// [requires_loses_calls
/// Calls the overload of `on` for what came, if there is one.
struct receiver {
    int called = 0;

    void on(const first&, std::unique_ptr<int>) { called = 1; }
    void on(const second&, std::unique_ptr<int>) { called = 2; }

    /// g++ 12 answers the question for the first type only, and drops the second call.
    void asks(const any& what, packet p)
    {
        std::visit(
            [&](const auto& each) {
                if constexpr (requires { on(each, std::move(p.content)); })
                    on(each, std::move(p.content));
            },
            what);
    }

    /// Says which: every compiler calls them, or refuses.
    void names(const any& what, packet p)
    {
        std::visit(
            [&]<class T>(const T& each) {
                if constexpr (std::is_same_v<T, first> || std::is_same_v<T, second>)
                    on(each, std::move(p.content));
            },
            what);
    }
};
// requires_loses_calls]

template <class Way>
int called(Way way, const any& what)
{
    receiver r;
    (r.*way)(what, {});
    return r.called;
}

} // namespace

BOOST_AUTO_TEST_SUITE(compiler)

BOOST_AUTO_TEST_CASE(requires_in_a_generic_lambda_loses_calls_in_old_gcc)
{
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ == 12
    const int wrong = 0;
#else
    const int wrong = 2;
#endif
    BOOST_TEST(called(&receiver::asks, first()) == 1);
    BOOST_TEST(called(&receiver::asks, second()) == wrong);
    BOOST_TEST(called(&receiver::names, first()) == 1);
    BOOST_TEST(called(&receiver::names, second()) == 2);
}

BOOST_AUTO_TEST_SUITE_END()
