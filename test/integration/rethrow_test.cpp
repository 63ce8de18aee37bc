// Exceptions that `result()` throws as they were.

#include "integration/holds.hpp"

#include <zproc/remote_error.hpp>

#include <boost/serialization/string.hpp>

#include <exception>
#include <stdexcept>
#include <string>

namespace asio = boost::asio;
using zproc::context;
using zproc::remote_error;
using zproc::spawn_options;
using zproc::test::checks;
using zproc::test::holds;

namespace {

/// Has something in it.
class order_error : public std::runtime_error {
public:
    order_error() : std::runtime_error("no order") {}
    order_error(int number, const std::string& dish)
        : std::runtime_error("no " + dish), number_(number), dish_(dish)
    {
    }

    int number() const { return number_; }
    const std::string& dish() const { return dish_; }

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & number_ & dish_;
    }

private:
    int number_ = 0;
    std::string dish_;
};

int order(int number)
{
    if (number < 0)
        throw std::out_of_range("a negative number");
    if (number == 0)
        throw std::logic_error("nothing ordered");
    throw order_error(number, "cookies");
}

struct half_read {
    half_read() { throw std::runtime_error("cannot be made"); }
    explicit half_read(int) {}

    template <class Archive>
    void serialize(Archive&, unsigned)
    {
    }
};

struct unsendable : std::runtime_error {
    unsendable() : std::runtime_error("unsent") {}
    explicit unsendable(int) : std::runtime_error("the true cause") {}

    template <class Archive>
    void serialize(Archive&, unsigned)
    {
        throw std::runtime_error("no archive for this");
    }
};

int fail_unsendably()
{
    throw unsendable(1);
}

int fail_badly()
{
    throw half_read(1);
}

} // namespace

BOOST_AUTO_TEST_SUITE(rethrow)

BOOST_AUTO_TEST_CASE(exception_comes_with_what_is_in_it_and_its_report)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(spawn_options().rethrow<order_error>(), &order, 7);
        const auto pid = p.pid();
        bool caught = false;
        try {
            co_await p.result();
        } catch (const order_error& e) {
            caught = true;
            check(e.number() == 7 && e.dish() == "cookies", "what is in it");
            try {
                std::rethrow_if_nested(e);
                check(false, "the report is nested");
            } catch (const remote_error& report) {
                check(report.text() == "no cookies", "its text");
                check(report.pid() == pid, "its process");
                check(report.type().find("order_error") != std::string::npos, "its type");
            }
        }
        check(caught, "thrown as it was");
        const auto info = co_await p.wait();
        check(info.error && info.error->text == "no cookies", "and in the exit_info");
    }));
}

BOOST_AUTO_TEST_CASE(standard_exceptions_come_by_their_text_and_the_first_that_fits_counts)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(
            spawn_options().rethrow<order_error, std::out_of_range, std::logic_error>(), &order,
            -1);
        bool caught = false;
        try {
            co_await p.result();
        } catch (const std::out_of_range& e) {
            caught = std::string(e.what()) == "a negative number";
        }
        check(caught, "std::out_of_range");
        auto q = co_await ctx.spawn(spawn_options().rethrow<std::logic_error>(), &order, -1);
        caught = false;
        try {
            co_await q.result();
        } catch (const std::logic_error& e) {
            caught = dynamic_cast<const std::out_of_range*>(&e) == nullptr;
        }
        check(caught, "what a catch takes, as that");
    }));
}

BOOST_AUTO_TEST_CASE(others_are_remote_errors_as_ever)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(spawn_options().rethrow<std::out_of_range>(), &order, 3);
        bool caught = false;
        try {
            co_await p.result();
        } catch (const remote_error& e) {
            caught = e.text() == "no cookies";
        }
        check(caught, "another type");
        auto q = co_await ctx.spawn(spawn_options().rethrow<half_read>(), &fail_badly);
        caught = false;
        try {
            co_await q.result();
        } catch (const remote_error&) {
            caught = true;
        }
        check(caught, "one that cannot be made");
        auto r = co_await ctx.spawn(spawn_options().rethrow<unsendable>(), &fail_unsendably);
        caught = false;
        try {
            co_await r.result();
        } catch (const remote_error& e) {
            caught = e.text() == "the true cause";
        }
        check(caught, "one that cannot be sent");
    }));
}

BOOST_AUTO_TEST_SUITE_END()
