#include "server/disk.hpp"

#include "unit/server/disk_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace disk_test;

BOOST_AUTO_TEST_SUITE(server_disk)

BOOST_AUTO_TEST_CASE(disk_takes_no_more_than_the_ring_and_some)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(16384).failed());
    std::uint64_t most = 0;
    for (int i = 0; i != 3000; ++i) {
        write(one, i, i + 1);
        most = std::max(most, one.stored->bytes());
    }
    BOOST_TEST(most < 16384u + 2 * 4096u + 2048u);
    machine next(files, options_of());
    BOOST_TEST_REQUIRE(!next.start().failed());
    BOOST_TEST((picture_of(*next.data) == picture_of(*one.data)));
}

BOOST_AUTO_TEST_CASE(disk_does_not_grow_with_lives_that_change_little)
{
    lossy_files files;
    picture last;
    std::uint64_t most = 0;
    for (int life = 0; life != 200; ++life) {
        machine one(files, options_of(fsync_policy::commit, static_cast<unsigned>(life)));
        BOOST_TEST_REQUIRE(!one.start(16384).failed());
        BOOST_TEST_REQUIRE((picture_of(*one.data) == last));
        write(one, 0, 15);
        last = picture_of(*one.data);
        one.stored->finish();
        most = std::max<std::uint64_t>(most, files.names().size());
    }
    BOOST_TEST(most < 40u);
}

BOOST_AUTO_TEST_CASE(full_disk_refuses_a_change_before_anything_is_changed_and_recovers)
{
    lossy_files files;
    files.room = 200'000;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(262144).failed());
    int made = 0;
    store::outcome last;
    BOOST_TEST_REQUIRE(!one.data->open_session(1, 1).failed());
    for (; made != 1000; ++made) {
        // Each of its own: with nothing dead, nothing can go.
        const auto key = "k" + std::to_string(made);
        const auto before = picture_of(*one.data);
        last =
            one.data->set({1, 1, static_cast<std::uint64_t>(made) + 1, 0, made}, "n", key, content);
        if (last.error.failed()) {
            BOOST_TEST((picture_of(*one.data) == before));
            break;
        }
        one.data->publish();
    }
    BOOST_TEST((last.error == errc::disk_full));
    BOOST_TEST(made > 10);
    BOOST_TEST(one.data->get("n", "k0").value.has_value());
    BOOST_TEST(one.logged("the disk is full"));
    // What the server does by itself goes on for a while.
    BOOST_TEST(!one.data->open_session(2, 1).failed());
    one.data->publish();
    BOOST_TEST(!one.logged("room again"));

    files.room = 500'000;
    BOOST_TEST(!one.data->set({1, 1, 5000, 0, 1}, "n", "later", content).error.failed());
    one.data->publish();
    BOOST_TEST(one.logged("room again"));
    machine next(files, options_of());
    BOOST_TEST_REQUIRE(!next.start().failed());
    BOOST_TEST((picture_of(*next.data) == picture_of(*one.data)));
}

BOOST_AUTO_TEST_CASE(full_disk_keeps_a_session_that_cannot_be_closed_with_its_replies)
{
    lossy_files files;
    files.room = 40'000;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(16384).failed());
    BOOST_TEST_REQUIRE(!one.data->open_session(1, 1).failed());
    const store::author by{1, 1, 1, 0, 1};
    BOOST_TEST_REQUIRE(one.data->increment(by, "n", "count", store_test::pack(value(1))).made);
    one.data->publish();
    files.room = files.used();
    files.crowded = true;
    error_code ec;
    for (std::uint64_t id = 2; id != 1000 && !ec.failed(); ++id) {
        // The less of these two has the last room.
        ec = one.data->open_session(id, 1);
        if (ec.failed())
            ec = one.data->close_session(id - 1, 1);
        one.data->publish();
    }
    BOOST_TEST_REQUIRE((ec == errc::disk_full));
    BOOST_TEST((one.data->close_session(1, 2) == errc::disk_full));
    BOOST_TEST(one.data->knows_session(1));
    BOOST_TEST(one.data->increment(by, "n", "count", store_test::pack(value(1))).repeated);
    files.room = 1u << 20;
    BOOST_TEST(!one.data->close_session(1, 2).failed());
    BOOST_TEST(!one.data->knows_session(1));
    BOOST_TEST((one.data->increment(by, "n", "count", store_test::pack(value(1))).error ==
                errc::outcome_unknown));
}

BOOST_AUTO_TEST_CASE(full_disk_refuses_a_larger_ring_and_nothing_is_changed)
{
    lossy_files files;
    files.room = 60'000;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(16384).failed());
    store::outcome last;
    picture before;
    for (int i = 0; i != 1000 && !last.error.failed(); ++i) {
        before = picture_of(*one.data);
        last = one.data->set({.time = i}, "n", "k" + std::to_string(i), content);
        one.data->publish();
    }
    BOOST_TEST((last.error == errc::disk_full));
    BOOST_TEST((picture_of(*one.data) == before));
    BOOST_TEST(one.logged("no room for a larger journal"));
    const std::string_view keys[] = {"k0"};
    BOOST_TEST(!one.data->erase({}, "n", keys).error.failed());
    one.data->publish();
    files.room = 600'000;
    for (int i = 0; i != 100; ++i)
        BOOST_TEST_REQUIRE(
            !one.data->set({.time = i}, "n", "l" + std::to_string(i), content).error.failed());
    one.data->publish();
    machine next(files, options_of());
    BOOST_TEST_REQUIRE(!next.start().failed());
    BOOST_TEST((picture_of(*next.data) == picture_of(*one.data)));
}

BOOST_AUTO_TEST_CASE(disk_that_fills_up_anywhere_is_never_taken_for_a_failing_one)
{
    std::uint64_t refused = 0;
    std::uint64_t grown = 0;
    for (unsigned seed = 0; seed != 400; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            std::mt19937_64 random(seed);
            lossy_files files;
            files.room = 30'000 + random() % 170'000;
            const std::uint64_t capacity = std::uint64_t{8192} << random() % 4;
            // Many at once, that take what was admitted for them.
            const auto batch = 1 + random() % 60;
            const auto keys = 1 + random() % 60;
            machine one(files, options_of());
            if (one.start(capacity) == errc::disk_full)
                continue;
            const auto crowded_from = random() % 300;
            for (unsigned i = 0; i != 300; ++i) {
                if (i == crowded_from) { // by others, up to the last byte
                    files.crowded = true;
                    files.room = std::min(files.room, files.used() + random() % 20'000);
                }
                const auto some = store_test::pack(value(std::string(random() % 900, 'y')));
                const auto key = "k" + std::to_string(random() % keys);
                const auto done = one.data->set({.time = i}, "n", key, some);
                if (done.error.failed()) {
                    BOOST_TEST((done.error == errc::disk_full));
                    ++refused;
                }
                if (i % batch == 0)
                    one.data->publish();
            }
            one.data->publish();
            grown += one.data->ring().capacity() != capacity ? 1u : 0u;
            machine next(files, options_of());
            files.room = 1u << 20;
            files.crowded = false;
            BOOST_TEST_REQUIRE(!next.start().failed());
            BOOST_TEST((picture_of(*next.data) == picture_of(*one.data)));
        }
    }
    BOOST_TEST(refused > 1000u);
    BOOST_TEST(grown > 50u);
}

BOOST_AUTO_TEST_CASE(full_disk_lets_a_successor_begin)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(32768).failed());
    write(one, 0, 50);
    files.room = files.used();
    files.forget_open();
    machine next(files, options_of());
    BOOST_TEST_REQUIRE(!next.succeed(one.ring()).failed());
    BOOST_TEST((picture_of(*next.data) == picture_of(*one.data)));
}

BOOST_AUTO_TEST_CASE(failed_write_or_sync_is_final_and_nothing_is_published_after_it)
{
    std::uint64_t failures = 0;
    for (std::uint64_t fail_at = 1; fail_at != 60; ++fail_at) {
        BOOST_TEST_CONTEXT("call " << fail_at)
        {
            lossy_files files;
            machine one(files, options_of());
            BOOST_TEST_REQUIRE(!one.start(16384).failed());
            files.fail_at = files.calls + fail_at;
            journal::position published = 0;
            picture acknowledged = picture_of(*one.data);
            try {
                for (int i = 0; i != 60; ++i) {
                    published = one.data->ring().head();
                    write(one, i, i + 1);
                    acknowledged = picture_of(*one.data);
                }
            } catch (const disk_gone&) {
                ++failures;
                BOOST_TEST(one.logged("nothing is acknowledged any more"));
                const auto head =
                    journal::load<journal::position>(one.ring().data() + journal::at_header::head);
                BOOST_TEST(head == published);
                files.fail_at = 0;
                files.forget_open();
                machine next(files, options_of());
                BOOST_TEST_REQUIRE(!next.succeed(one.ring()).failed());
                BOOST_TEST((picture_of(*next.data) == acknowledged));
            }
        }
    }
    BOOST_TEST(failures > 40u);
}

BOOST_AUTO_TEST_CASE(failed_write_throws_disk_lost_ever_after_where_no_process_ends)
{
    lossy_files files;
    machine one(files, options_of());
    one.process = false;
    BOOST_TEST_REQUIRE(!one.start(16384).failed());
    write(one, 0, 5);
    const auto lost = [](const serving::disk_lost& why) { return why.code() == errc::disk_failed; };
    BOOST_TEST_REQUIRE(!one.data->set({.time = 5}, "n", "k", content).error.failed());
    files.fail_at = files.calls + 1;
    BOOST_CHECK_EXCEPTION(one.data->publish(), serving::disk_lost, lost);
    BOOST_TEST(one.stored->lost());
    BOOST_TEST_REQUIRE(!one.data->set({.time = 6}, "n", "k", content).error.failed());
    const auto calls = files.calls;
    BOOST_CHECK_EXCEPTION(one.data->publish(), serving::disk_lost, lost);
    BOOST_CHECK_EXCEPTION(one.stored->finish(), serving::disk_lost, lost);
    BOOST_TEST(files.calls == calls);
    BOOST_TEST(std::ranges::count_if(one.lines, [](const auto& line) {
                   return line.find("nothing is acknowledged any more") != std::string::npos;
               }) == 1);
}

BOOST_AUTO_TEST_SUITE_END()
