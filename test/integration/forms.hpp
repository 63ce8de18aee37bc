#pragma once

#include "integration/program.hpp"

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

// Forms of calls as users write them inside coroutines. g++ 12 copies some temporaries of an
// expression with `co_await` bitwise and destroys them twice, and takes the results of awaits
// late: AddressSanitizer sees the one, different values in each place show the other. What no form
// may do is in test/compile_fail; doc/traps.md tells it to users.

namespace zproc::test {

namespace asio = boost::asio;

/// Long enough for the heap: short strings hide what is destroyed twice.
inline constexpr char text[] = "a text that is long enough for the heap";
inline constexpr char other_text[] = "another text, and it is long enough, too";

/// A user's aggregate.
struct job {
    int id = 0;
    std::string title;

    bool operator==(const job&) const = default;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id & title;
    }
};

/// The same with a constructor: no aggregate, so temporaries of it are safe.
class made_job {
public:
    made_job() = default;
    made_job(int id, std::string title) : id_(id), title_(std::move(title)) {}

    int id() const { return id_; }
    const std::string& title() const { return title_; }

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id_ & title_;
    }

private:
    int id_ = 0;
    std::string title_;
};

} // namespace zproc::test

/// One form: the body of a coroutine with `ctx`, `state` and `check`, run in a program of its own.
#define ZPROC_FORM(name)                                                                           \
    static boost::asio::awaitable<void> name##_form(zproc::context, zproc::state,                  \
                                                    zproc::test::checks&);                         \
    BOOST_AUTO_TEST_CASE(name)                                                                     \
    {                                                                                              \
        BOOST_TEST(zproc::test::holds(                                                             \
            [](zproc::context ctx, zproc::test::checks& check) -> boost::asio::awaitable<void> {   \
                co_await name##_form(ctx, ctx.state(), check);                                     \
            }));                                                                                   \
    }                                                                                              \
    static boost::asio::awaitable<void> name##_form([[maybe_unused]] zproc::context ctx,           \
                                                    [[maybe_unused]] zproc::state state,           \
                                                    [[maybe_unused]] zproc::test::checks& check)

/// The condition as it stands, awaits and all, within the arguments of a call.
#define ZPROC_HOLDS(...) check((__VA_ARGS__), #__VA_ARGS__)
