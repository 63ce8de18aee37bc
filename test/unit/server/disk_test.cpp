#include "server/disk.hpp"

#include "unit/server/disk_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace disk_test;

namespace {

const auto content = store_test::pack(value(std::string(200, 'x')));

disk_options options_of(fsync_policy fsync = fsync_policy::commit, unsigned boot = 1)
{
    static unsigned instances = 0;
    disk_options options;
    options.fsync = fsync;
    options.boot = id(boot);
    options.instance = id(++instances);
    return options;
}

void write(machine& on, int from, int to)
{
    for (int i = from; i != to; ++i) {
        BOOST_TEST_REQUIRE(
            !on.data->set({.time = i}, "n", "k" + std::to_string(i % 10), content).error.failed());
        on.data->publish();
    }
}

std::string last_segment(const lossy_files& files)
{
    std::string last;
    for (const auto& name : files.names())
        if (name.starts_with("segment-"))
            last = name;
    return last;
}

} // namespace

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
