// Many clients, their atomic functions and one state process on a simulated clock: nobody starves.
// Real are the machines of both sides and the bytes between them; simulated are time, the line,
// and what the drivers do. Built with both rooms: ./dev unit client server simulation

#include "unit/simulation/story.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>

using namespace simulation;

namespace {

constexpr ns way = 80 * us;         ///< the longest, of one message
constexpr ns late = ms;             ///< the server waits in whole milliseconds
constexpr ns attempt = 5 * ms;      ///< more than any quick one takes, all its round trips included
constexpr std::size_t patience = 3; ///< attempts before a ticket is taken

/// What must hold of every story.
void check(const story& s)
{
    BOOST_TEST(s.failures == 0);
    BOOST_TEST(s.wrong_sums == 0);
    BOOST_TEST(s.sum_of_accounts() == story::accounts * story::endowment);
    // Everything was done once. Of what is under way some is done, too.
    std::map<std::string, std::pair<std::size_t, std::size_t>> done;
    for (const auto& each : s.tallies) {
        if (each->name == "elsewhere")
            continue;
        const bool writes = each->name.starts_with("writes ");
        auto& [least, more] = done[writes                             ? each->name.substr(7)
                                   : each->name.starts_with("counts") ? "count"
                                                                      : each->name];
        least += each->done;
        more += writes ? 20 : 1;
    }
    for (const auto& [key, times] : done) {
        BOOST_TEST_CONTEXT(key)
        {
            const auto there = static_cast<std::size_t>(s.number(key));
            BOOST_TEST(there >= times.first);
            BOOST_TEST(there <= times.first + times.second);
        }
    }
}

/// Nobody waits for longer than: its attempts, each of which may meet a lease; the turns of all
/// who can have tickets, one each; and two attempts in its own.
ns bound(std::size_t tickets, ns lease)
{
    const auto one = lease + late;
    return static_cast<ns>(patience) * (attempt + one) + static_cast<ns>(tickets) * one +
           2 * attempt;
}

void check_quick(const story& s, const tally& t, std::size_t tickets)
{
    BOOST_TEST_CONTEXT(t.name)
    {
        BOOST_TEST(t.done > 0u);
        BOOST_TEST(t.longest_by(s.line.now()) <= bound(tickets, s.longest_lease()));
        BOOST_TEST(s.most_turns_before(t.where) < tickets);
    }
}

/// One at a time: delayed by one lease at most.
void check_writer(const story& s, const tally& t, ns longest_way = way)
{
    BOOST_TEST_CONTEXT(t.name)
    {
        BOOST_TEST(t.done > 0u);
        BOOST_TEST(t.longest <= s.longest_lease() + late + 2 * longest_way);
    }
}

/// One that iterates over everything, beside writers that leave it no pause.
struct beside_writers : story {
    tally* scanner = nullptr;
    std::vector<tally*> writers;

    explicit beside_writers(std::uint64_t seed, server::options o = {}) : story(seed, o)
    {
        begin();
        for (const char* key : {"a", "b", "c", "d"})
            writers.push_back(&writes(join(), key));
        scanner = &scans(join(), takes(150 * us, 400 * us));
        run(500 * ms);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(simulation_turns)

/// What turns are for: without them, the same story has another end.
BOOST_AUTO_TEST_CASE(scan_beside_writers_starves_when_turns_protect_nothing)
{
    const beside_writers told(1, {.protects = false});
    BOOST_TEST(told.scanner->done == 0u);
    BOOST_TEST(told.state.begun.size() > 20u); // it had turns, of no use
    check(told);
}

BOOST_AUTO_TEST_CASE(scan_beside_writers_commits)
{
    const beside_writers told(1);
    BOOST_TEST(told.scanner->done > 100u);
    check(told);
    check_quick(told, *told.scanner, 1);
    BOOST_TEST(told.longest_lease() == 2 * ms);
    for (const auto* each : told.writers)
        check_writer(told, *each);
}

BOOST_AUTO_TEST_CASE(everybody_commits_in_a_crowd)
{
    struct {
        const char* name;
        int transfers, scans, counts, follows, writers, pipelines, gives = 0;
    } const rows[] = {
        {"transfers only", 12, 0, 0, 0, 0, 0},
        {"one number", 0, 0, 12, 0, 0, 0},
        {"scans only", 0, 6, 0, 0, 0, 0},
        {"scans and transfers", 8, 3, 0, 0, 0, 0},
        {"a bit of all", 4, 2, 4, 2, 2, 1},
        {"chains that others change", 2, 0, 0, 3, 4, 0},
        {"writers and a count", 0, 0, 1, 0, 3, 3},
        {"gives only", 0, 0, 0, 0, 0, 0, 8},
        {"gives, scans and transfers", 3, 2, 0, 0, 1, 0, 4},
    };
    for (const auto& row : rows) {
        for (std::uint64_t seed = 1; seed != 3; ++seed) {
            BOOST_TEST_CONTEXT(row.name << ", seed " << seed)
            {
                story s(seed);
                s.begin();
                std::vector<tally*> quick;
                std::vector<tally*> writers;
                const auto think = s.takes(20 * us, 200 * us);
                for (int i = 0; i != row.transfers; ++i)
                    quick.push_back(&s.transfers(s.join(), think));
                for (int i = 0; i != row.scans; ++i)
                    quick.push_back(&s.scans(s.join(), think));
                for (int i = 0; i != row.counts; ++i)
                    quick.push_back(&s.counts(s.join(), think));
                for (int i = 0; i != row.gives; ++i)
                    quick.push_back(&s.gives(s.join(), think));
                for (int i = 0; i != row.follows; ++i)
                    quick.push_back(&s.follows(s.join(), think));
                for (int i = 0; i != row.writers; ++i)
                    writers.push_back(
                        &s.writes(s.join(), i == 0 ? "head" : "link" + std::to_string(i)));
                for (int i = 0; i != row.pipelines; ++i)
                    s.writes(s.join(), i == 0 ? "count" : "p" + std::to_string(i), 20);
                s.run(150 * ms);
                check(s);
                for (const auto* each : quick)
                    check_quick(s, *each, quick.size());
                for (const auto* each : writers)
                    check_writer(s, *each);
            }
        }
    }
}

/// Some doze off, in their turns or before, and some die; the others hardly notice.
BOOST_AUTO_TEST_CASE(everybody_else_commits_beside_dozing_and_dying_holders)
{
    for (std::uint64_t seed = 1; seed != 4; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            story s(seed);
            s.begin();
            const auto far = [&]() -> client& { return s.join(200 * us, 800 * us); };
            std::vector<tally*> quick;
            std::vector<tally*> dozing;
            const auto think = s.takes(20 * us, 200 * us);
            for (int i = 0; i != 3; ++i)
                quick.push_back(&s.transfers(far(), think));
            quick.push_back(&s.scans(far(), think));
            auto& writer = s.writes(far(), "w");
            for (int i = 0; i != 2; ++i)
                dozing.push_back(&s.transfers(far(), s.dozes(4)));
            dozing.push_back(&s.scans(far(), s.dozes(4)));
            std::vector<client*> mortal;
            for (int i = 0; i != 6; ++i) {
                mortal.push_back(&far());
                s.counts(*mortal.back(), think);
                s.transfers(*mortal.back(), think);
            }
            const auto is_mortal = [&](client& c) {
                return std::ranges::find(mortal, &c) != mortal.end();
            };
            int turns = 0;
            s.on_turn = [&](client& c) {
                if (!is_mortal(c) || ++turns % 3 != 0)
                    return;
                if (turns % 2 == 0)
                    c.kill();
                else
                    c.freeze();
            };
            s.run(6 * second);
            check(s);
            BOOST_TEST(std::ranges::none_of(mortal, &client::alive)); // each died in a turn
            for (const auto* each : quick)
                check_quick(s, *each, quick.size() + dozing.size() + 2 * mortal.size());
            for (const auto* each : dozing)
                BOOST_TEST(each->done > 0u);
            check_writer(s, writer, 800 * us);
        }
    }
}

/// The server learns nothing of it: that is what leases are for.
BOOST_AUTO_TEST_CASE(holder_that_stops_delays_others_by_one_lease)
{
    beside_writers s(1);
    auto& scanner = *s.clients.at(5);
    bool stopped = false;
    s.on_turn = [&](client& c) {
        stopped = stopped || &c == &scanner;
        if (&c == &scanner)
            c.freeze();
    };
    s.run(50 * ms);
    BOOST_TEST(stopped);
    const auto done = s.scanner->done;
    auto& other = s.scans(s.join(), s.takes(150 * us, 400 * us));
    s.run(50 * ms);
    BOOST_TEST(s.scanner->done == done);
    check_quick(s, other, 2);
    BOOST_TEST(s.longest_lease() == 2 * ms);
    for (const auto* each : s.writers) {
        check_writer(s, *each);
        BOOST_TEST(each->longest >= ms); // and they did wait
    }
}

BOOST_AUTO_TEST_CASE(scan_commits_beside_writers_of_its_own_connection)
{
    story s(1);
    s.begin();
    auto& c = s.join();
    auto& own = s.writes(c, "own", 20);
    s.writes(s.join(), "other", 20);
    auto& scanner = s.scans(c, s.takes(150 * us, 400 * us));
    s.run(300 * ms);
    check(s);
    check_quick(s, scanner, 1);
    BOOST_TEST(scanner.done > 50u);
    BOOST_TEST(own.done > 1000u);
}

BOOST_AUTO_TEST_CASE(functions_of_one_connection_have_tickets_of_their_own)
{
    story s(1);
    s.begin();
    std::vector<tally*> quick;
    auto& crowded = s.join();
    for (int i = 0; i != 20; ++i)
        quick.push_back(&s.counts(crowded, s.takes(20 * us, 200 * us)));
    for (int i = 0; i != 5; ++i)
        quick.push_back(&s.counts(s.join(), s.takes(20 * us, 200 * us)));
    s.run(200 * ms);
    check(s);
    for (const auto* each : quick)
        check_quick(s, *each, quick.size());
}

/// Their connections break at every moment: what was done is done once, and they go on.
BOOST_AUTO_TEST_CASE(broken_connections_lose_tickets_and_nothing_else)
{
    for (std::uint64_t seed = 1; seed != 4; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            story s(seed);
            s.begin();
            const auto think = s.takes(20 * us, 200 * us);
            for (int i = 0; i != 4; ++i) {
                s.transfers(s.join(), think);
                s.counts(*s.clients.back(), think);
            }
            s.scans(s.join(), think);
            s.writes(*s.clients.back(), "w", 5);
            std::function<void()> breaks = [&] {
                s.clients.at(static_cast<std::size_t>(s.line.between(1, 5)))->reconnect();
                s.line.after(s.line.between(ms / 2, 4 * ms), breaks);
            };
            breaks();
            s.run(400 * ms);
            check(s);
            for (const auto& each : s.tallies)
                BOOST_TEST(each->done > 20u);
            BOOST_TEST(s.state.begun.size() > 50u);
        }
    }
}

/// Each is in the other's way: who has a turn somewhere waits for nobody elsewhere.
BOOST_AUTO_TEST_CASE(functions_of_two_namespaces_do_not_wait_for_each_other_in_a_circle)
{
    for (std::uint64_t seed = 1; seed != 4; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            story s(seed);
            s.begin();
            const auto think = s.takes(20 * us, 200 * us);
            std::vector<tally*> quick;
            for (int i = 0; i != 4; ++i) {
                auto& c = s.join();
                quick.push_back(&s.counts(c, think));
                quick.push_back(&s.repeats(
                    c, "elsewhere", "m",
                    [](auto& d) {
                        d["count"] =
                            (d["count"].is_null() ? 0 : d["count"].template get<int>()) + 1;
                    },
                    think));
                s.writes(c, "count", 2);
            }
            s.run(200 * ms);
            check(s);
            for (const auto* each : quick)
                check_quick(s, *each, quick.size());
        }
    }
}

/// It needs thirty times the shortest lease; it says so, and gets it.
BOOST_AUTO_TEST_CASE(slow_function_gets_a_lease_that_is_long_enough)
{
    story s(1);
    s.begin();
    auto& writer = s.writes(s.join(200 * us, 800 * us), "w");
    auto& slow = s.scans(s.join(), s.takes(55 * ms, 65 * ms));
    s.run(2 * second);
    check(s);
    BOOST_TEST(slow.done > 5u);
    BOOST_TEST(s.longest_lease() >= 110 * ms);
    BOOST_TEST(s.longest_lease() <= 250 * ms);
    BOOST_TEST(slow.longest <= 3 * (65 + 5) * ms + 3 * 250 * ms);
    check_writer(s, writer, 800 * us);
}

BOOST_AUTO_TEST_SUITE_END()
