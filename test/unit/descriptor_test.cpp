#include "descriptor.hpp"

#include <boost/test/unit_test.hpp>

#include <utility>

#include <fcntl.h>
#include <unistd.h>

using zproc::above_standard;
using zproc::descriptor;

namespace {

descriptor some_file()
{
    return descriptor(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

bool is_open(int number)
{
    return ::fcntl(number, F_GETFD) >= 0;
}

bool closes_on_exec(const descriptor& file)
{
    return (::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) != 0;
}

/// While it lives, this process has closed its standard input.
class without_input {
public:
    without_input() : kept_(::fcntl(0, F_DUPFD_CLOEXEC, 3)) { ::close(0); }
    ~without_input() { ::dup2(kept_.get(), 0); }

private:
    descriptor kept_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(descriptors)

BOOST_AUTO_TEST_CASE(destroy_closes_what_is_owned)
{
    int number = -1;
    {
        const auto file = some_file();
        number = file.get();
        BOOST_TEST(static_cast<bool>(file));
        BOOST_TEST(is_open(number));
    }
    BOOST_TEST(!is_open(number));
    BOOST_TEST(!descriptor());
    BOOST_TEST(descriptor().get() == -1);
}

BOOST_AUTO_TEST_CASE(move_leaves_nothing_behind)
{
    auto one = some_file();
    const int number = one.get();
    auto two = std::move(one);
    BOOST_TEST(!one); // NOLINT(bugprone-use-after-move)
    BOOST_TEST(two.get() == number);
    auto three = some_file();
    const int replaced = three.get();
    three = std::move(two);
    BOOST_TEST(!is_open(replaced));
    BOOST_TEST(three.get() == number);
    auto& same = three;
    three = std::move(same);
    BOOST_TEST(three.get() == number);
    BOOST_TEST(is_open(number));
}

BOOST_AUTO_TEST_CASE(release_leaves_it_open)
{
    auto file = some_file();
    const int number = file.release();
    BOOST_TEST(!file);
    BOOST_TEST(is_open(number));
    file.reset(number);
    BOOST_TEST(file.get() == number);
    file.reset();
    BOOST_TEST(!is_open(number));
}

BOOST_AUTO_TEST_CASE(duplicate_is_another_number_that_no_program_inherits)
{
    const auto file = some_file();
    const auto second = file.duplicate();
    BOOST_TEST(second.get() > 2);
    BOOST_TEST(second.get() != file.get());
    BOOST_TEST(closes_on_exec(second));
    BOOST_TEST(!descriptor().duplicate());
}

BOOST_AUTO_TEST_CASE(above_standard_gives_up_the_number_of_a_closed_stream)
{
    const without_input closed;
    auto low = some_file();
    BOOST_TEST_REQUIRE(low.get() == 0);
    const auto moved = above_standard(std::move(low));
    BOOST_TEST(moved.get() > 2);
    BOOST_TEST(closes_on_exec(moved));
    BOOST_TEST(!is_open(0));
}

BOOST_AUTO_TEST_CASE(above_standard_keeps_any_other_number)
{
    auto file = some_file();
    const int number = file.get();
    BOOST_TEST(above_standard(std::move(file)).get() == number);
    BOOST_TEST(!above_standard(descriptor()));
}

BOOST_AUTO_TEST_SUITE_END()
