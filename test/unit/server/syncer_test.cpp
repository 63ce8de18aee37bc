#include "server/syncer.hpp"

#include "support/lossy_files.hpp"

#include <boost/test/unit_test.hpp>

#include <future>
#include <thread>

using namespace zproc;
using serving::syncer;

namespace {

/// Syncs when it is allowed to.
class slow_files final : public test::lossy_files {
public:
    std::promise<void> begun;
    std::promise<void> allowed;
    bool fails = false;

    error_code sync(int) override
    {
        begun.set_value();
        allowed.get_future().wait();
        return fails ? make_error_code(boost::system::errc::io_error) : error_code();
    }
};

constexpr auto at_once = std::chrono::nanoseconds(1);

} // namespace

BOOST_AUTO_TEST_SUITE(server_syncer)

BOOST_AUTO_TEST_CASE(sync_is_done_in_another_thread_and_told_when_it_has_ended)
{
    slow_files files;
    syncer one(files, at_once);
    one.written(3, {100, 8});
    files.begun.get_future().wait();
    BOOST_TEST(!one.take_done().has_value());
    files.allowed.set_value();
    auto done = one.take_done();
    for (; !done; done = one.take_done())
        std::this_thread::yield();
    BOOST_TEST(done->end == 100u);
    BOOST_TEST(done->tail == 8u);
    BOOST_TEST(!one.failure().failed());
}

BOOST_AUTO_TEST_CASE(sync_that_fails_is_told_for_ever)
{
    slow_files files;
    files.fails = true;
    std::promise<void> alarm;
    syncer one(files, at_once, [&] { alarm.set_value(); });
    one.written(3, {100, 8});
    files.begun.get_future().wait();
    files.allowed.set_value();
    alarm.get_future().wait(); // whoever has nothing to write hears of it, too
    one.rest();
    BOOST_TEST(one.failure().failed());
    one.written(3, {200, 8}); // no second try: the promise would throw
    BOOST_TEST(one.failure().failed());
}

BOOST_AUTO_TEST_CASE(end_does_not_wait_for_the_interval)
{
    slow_files files;
    syncer one(files, std::chrono::hours(1));
    one.written(3, {100, 8});
}

BOOST_AUTO_TEST_SUITE_END()
