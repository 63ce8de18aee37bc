#include "unit/server/disk_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

/// What a disk finds when it starts, and what it makes of it.
using namespace disk_test;

BOOST_AUTO_TEST_SUITE(server_disk_start)

BOOST_AUTO_TEST_CASE(instance_is_kept_where_nothing_acknowledged_can_be_lost)
{
    struct row {
        const char* name;
        fsync_policy fsync;
        bool clean;
        unsigned boot;
        bool kept;
        unsigned first_boot = 1;
    };
    for (const row& each :
         {row{"same boot", fsync_policy::never, false, 1, true},
          row{"no system tells the boot", fsync_policy::never, false, 0, false, 0},
          row{"another boot", fsync_policy::never, false, 2, false},
          row{"interval, another boot", fsync_policy::interval, false, 2, false},
          row{"clean end, another boot", fsync_policy::never, true, 2, true},
          row{"commit, another boot", fsync_policy::commit, false, 2, true}}) {
        BOOST_TEST_CONTEXT(each.name)
        {
            lossy_files files;
            machine one(files, options_of(each.fsync, each.first_boot));
            BOOST_TEST_REQUIRE(!one.start().failed());
            write(one, 0, 20);
            if (each.clean)
                one.stored->finish();
            machine next(files, options_of(each.fsync, each.boot));
            BOOST_TEST_REQUIRE(!next.start().failed());
            BOOST_TEST((picture_of(*next.data) == picture_of(*one.data)));
            BOOST_TEST((next.data->ring().header().instance ==
                        one.data->ring().header().instance) == each.kept);
            BOOST_TEST(next.logged("the last changes may be missing") == !each.kept);
        }
    }
}

BOOST_AUTO_TEST_CASE(start_after_a_failed_sync_writes_again_what_it_goes_on_from)
{
    for (const bool successor : {false, true}) {
        BOOST_TEST_CONTEXT(successor)
        {
            lossy_files files;
            machine one(files, options_of());
            BOOST_TEST_REQUIRE(!one.start(16384).failed());
            write(one, 0, 5);
            const auto before = picture_of(*one.data);
            BOOST_TEST_REQUIRE(!one.data->set({.time = 5}, "n", "new", content).error.failed());
            const auto after = picture_of(*one.data);
            files.fail_at = files.calls + 2; // the sync, after the write
            BOOST_CHECK_THROW(one.data->publish(), disk_gone);
            files.fail_at = 0;
            files.forget_open();
            picture last;
            {
                // The same boot: what was not synced is in the cache, and looks whole.
                machine next(files, options_of());
                BOOST_TEST_REQUIRE(!(successor ? next.succeed(one.ring()) : next.start()).failed());
                BOOST_TEST((picture_of(*next.data) == (successor ? before : after)));
                write(next, 6, 8);
                last = picture_of(*next.data);
            }
            std::mt19937_64 random(1);
            files.lose(random);
            machine again(files, options_of(fsync_policy::commit, 2));
            BOOST_TEST_REQUIRE(!again.start().failed());
            BOOST_TEST((picture_of(*again.data) == last));
        }
    }
}

BOOST_AUTO_TEST_CASE(instance_is_another_on_the_same_boot_after_a_failed_sync_without_commit)
{
    lossy_files files;
    machine one(files, options_of(fsync_policy::interval));
    BOOST_TEST_REQUIRE(!one.start(16384).failed());
    write(one, 0, 5); // acknowledged
    files.fail_at = files.calls + 1;
    BOOST_CHECK_THROW(one.stored->synchronize(), disk_gone);
    files.fail_at = 0;
    files.forget_open();
    machine next(files, options_of(fsync_policy::interval));
    BOOST_TEST_REQUIRE(!next.start().failed());
    const auto instance = next.data->ring().header().instance;
    BOOST_TEST((instance != one.data->ring().header().instance));
    files.forget_open();
    machine again(files, options_of(fsync_policy::interval));
    BOOST_TEST_REQUIRE(!again.start().failed());
    BOOST_TEST((again.data->ring().header().instance == instance));
}

BOOST_AUTO_TEST_CASE(start_that_cannot_sync_what_it_goes_on_from_is_final)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(16384).failed());
    write(one, 0, 5);
    for (const std::uint64_t call : {1u, 2u}) { // the write, the sync
        files.forget_open();
        files.fail_at = files.calls + call;
        machine next(files, options_of());
        BOOST_TEST((next.start() == errc::disk_failed));
    }
}

BOOST_AUTO_TEST_CASE(torn_end_is_cut_and_told)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start().failed());
    write(one, 0, 5);
    const auto before = picture_of(*one.data);
    BOOST_TEST_REQUIRE(!one.data->set({.time = 9}, "n", "torn", content).error.failed());
    files.cut_at = files.calls + 1;
    BOOST_CHECK_THROW(one.data->publish(), power_cut);
    files.cut_at = 0;
    machine next(files, options_of());
    BOOST_TEST_REQUIRE(!next.start().failed());
    BOOST_TEST((picture_of(*next.data) == before));
    BOOST_TEST(next.logged("cut a torn end of"));
}

BOOST_AUTO_TEST_CASE(damage_in_the_middle_is_told_with_what_is_whole_and_can_be_salvaged)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(16384).failed());
    write(one, 0, 5);
    const auto whole = picture_of(*one.data);
    const auto damaged = last_segment(files);
    const auto at = one.stored->bytes() + 60;
    write(one, 5, 12);
    files.contents(damaged).at(static_cast<std::size_t>(at)) ^= std::byte{1};
    const auto names = files.names();
    {
        machine next(files, options_of());
        BOOST_TEST((next.start() == errc::data_damaged));
        BOOST_TEST(next.logged("is damaged"));
        BOOST_TEST(next.logged("whole are the changes up to number 5"));
        BOOST_TEST((files.names() == names));
    }
    auto options = options_of();
    options.salvage = true;
    machine next(files, options);
    BOOST_TEST_REQUIRE(!next.start().failed());
    BOOST_TEST((picture_of(*next.data) == whole));
    BOOST_TEST((next.data->ring().header().instance != one.data->ring().header().instance));
    BOOST_TEST(std::ranges::count(files.names(), damaged + ".damaged") == 1);
    write(next, 5, 20);
    machine again(files, options_of());
    BOOST_TEST_REQUIRE(!again.start().failed());
    BOOST_TEST((picture_of(*again.data) == picture_of(*next.data)));
}

BOOST_AUTO_TEST_CASE(damaged_files_are_kept_whenever_a_salvage_is_stopped)
{
    for (const bool ring : {false, true}) {
        std::uint64_t calls = 1;
        for (bool done = false; !done; ++calls) {
            BOOST_TEST_CONTEXT("call " << calls << ", a ring is left: " << ring)
            {
                lossy_files files;
                machine one(files, options_of());
                BOOST_TEST_REQUIRE(!one.start(65536).failed());
                write(one, 0, 5);
                const auto whole = picture_of(*one.data);
                const auto damaged = last_segment(files);
                const auto at = one.stored->bytes() + 60;
                write(one, 5, 150); // several segments
                files.contents(damaged).at(static_cast<std::size_t>(at)) ^= std::byte{1};
                const auto bytes = files.contents(damaged);
                auto options = options_of();
                options.salvage = true;
                files.cut_at = files.calls + calls;
                machine next(files, options);
                try {
                    BOOST_TEST_REQUIRE(!next.start().failed());
                    done = true;
                } catch (const power_cut&) {
                }
                files.cut_at = 0;
                files.forget_open();
                machine again(files, options_of());
                // What was left of its ring is kept before the first segment is begun.
                const auto ec =
                    ring && !next.regions.empty() ? again.succeed(next.ring()) : again.start();
                const auto names = files.names();
                const auto name =
                    std::ranges::count(names, damaged) != 0 ? damaged : damaged + ".damaged";
                BOOST_TEST_REQUIRE(std::ranges::count(names, name) == 1);
                BOOST_TEST((files.contents(name) == bytes));
                if (!ec.failed() && !(ring && !next.regions.empty()))
                    BOOST_TEST((picture_of(*again.data) == whole));
                if (ec.failed())
                    BOOST_TEST((ec == errc::data_damaged));
            }
        }
        BOOST_TEST(calls > 6u);
    }
}

BOOST_AUTO_TEST_CASE(salvage_that_cannot_keep_the_damaged_files_is_refused)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(16384).failed());
    write(one, 0, 5);
    files.contents(last_segment(files)).at(700) ^= std::byte{1};
    const auto names = files.names();
    auto options = options_of();
    options.salvage = true;
    machine next(files, options);
    files.fail_at = files.calls + 1;
    BOOST_TEST((next.start().value() == EIO));
    BOOST_TEST(next.logged("cannot be kept under other names"));
    BOOST_TEST((files.names() == names));
}

BOOST_AUTO_TEST_CASE(damage_of_what_is_needed_no_more_does_not_stop_a_start)
{
    for (const std::size_t where : {std::size_t{20}, std::size_t{1000}}) { // header, record
        BOOST_TEST_CONTEXT("byte " << where)
        {
            lossy_files files;
            machine one(files, options_of());
            BOOST_TEST_REQUIRE(!one.start(16384).failed());
            write(one, 0, 30);
            const auto first = last_segment(files);
            auto bytes = files.contents(first);
            bytes.at(where) ^= std::byte{1};
            int last = 30;
            for (; std::ranges::count(files.names(), first) != 0; ++last)
                write(one, last, last + 1);
            // It was to be removed, and was not.
            error_code ec;
            const int file = files.open(first, ec);
            BOOST_TEST_REQUIRE(!files.write(file, 0, bytes).failed());
            machine next(files, options_of());
            BOOST_TEST_REQUIRE(!next.start().failed());
            BOOST_TEST((picture_of(*next.data) == picture_of(*one.data)));
            BOOST_TEST((next.data->ring().header().instance == one.data->ring().header().instance));
            BOOST_TEST(next.logged("damaged"));
            BOOST_TEST(std::ranges::count(files.names(), first) == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(damaged_header_is_told_and_what_lies_before_it_can_be_salvaged)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(65536).failed());
    picture whole;
    std::string damaged;
    for (int i = 0; i != 150; ++i) { // several segments
        const auto before = last_segment(files);
        const auto picture = picture_of(*one.data);
        write(one, i, i + 1);
        if (last_segment(files) != before && damaged.empty()) {
            damaged = last_segment(files);
            whole = picture;
        }
    }
    BOOST_TEST_REQUIRE(last_segment(files) > damaged);
    files.contents(damaged).at(20) ^= std::byte{1};
    const auto names = files.names();
    {
        machine next(files, options_of());
        BOOST_TEST((next.start() == errc::data_damaged));
        BOOST_TEST(next.logged("has a damaged header"));
        BOOST_TEST(next.logged("--salvage to go on"));
        BOOST_TEST((files.names() == names));
    }
    auto options = options_of();
    options.salvage = true;
    machine next(files, options);
    BOOST_TEST_REQUIRE(!next.start().failed());
    BOOST_TEST((picture_of(*next.data) == whole));
    BOOST_TEST((next.data->ring().header().instance != one.data->ring().header().instance));
    for (const auto& name : names)
        if (name >= damaged)
            BOOST_TEST(std::ranges::count(files.names(), name + ".damaged") == 1);
    write(next, 5, 20);
    machine again(files, options_of());
    BOOST_TEST_REQUIRE(!again.start().failed());
    BOOST_TEST((picture_of(*again.data) == picture_of(*next.data)));
}

BOOST_AUTO_TEST_CASE(successor_gives_back_what_a_killed_process_had_put_by)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(16384).failed());
    write(one, 0, 5);
    const auto first = last_segment(files);
    BOOST_TEST_REQUIRE(files.contents(first).size() > 8000u);
    files.forget_open();
    machine next(files, options_of());
    BOOST_TEST_REQUIRE(!next.start().failed());
    BOOST_TEST(files.contents(first).size() < 3000u);
}

BOOST_AUTO_TEST_CASE(missing_segment_is_told)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start(65536).failed());
    write(one, 0, 150); // several segments
    BOOST_TEST_REQUIRE(!files.remove("segment-000000000002").failed());
    machine next(files, options_of());
    BOOST_TEST((next.start() == errc::data_damaged));
    BOOST_TEST(next.logged("segments are missing before segment-000000000003"));
}

BOOST_AUTO_TEST_CASE(ring_of_another_history_is_written_anew)
{
    lossy_files files;
    machine one(files, options_of());
    BOOST_TEST_REQUIRE(!one.start().failed());
    write(one, 0, 5);
    lossy_files others;
    machine other(others, options_of());
    BOOST_TEST_REQUIRE(!other.start().failed());
    write(other, 0, 30);
    machine next(files, options_of());
    BOOST_TEST_REQUIRE(!next.succeed(other.ring()).failed());
    machine again(files, options_of());
    BOOST_TEST_REQUIRE(!again.start().failed());
    BOOST_TEST((picture_of(*again.data) == picture_of(*other.data)));
}

BOOST_AUTO_TEST_SUITE_END()
