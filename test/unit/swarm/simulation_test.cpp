// Swarms at random: jobs of all kinds, poison items, workers that die at any moment, come, and go.
// Every item is settled exactly once, whatever happens.

#include "swarm/crew.hpp"
#include "swarm/scheduler.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

using namespace zproc::swarming;
using namespace std::chrono_literals;

namespace {

struct simulated_job {
    std::uint64_t total = 0;
    std::set<std::uint64_t> poison;
    std::vector<unsigned> settled;
    std::vector<unsigned> killed;
    unsigned retries = 2;
    bool over = false;
    bool given_up = false;
};

class simulation {
public:
    explicit simulation(unsigned seed) : chance_(seed)
    {
        shows_items_ = below(3) != 0;
        const auto workers = 1 + below(6);
        for (unsigned i = 0; i != workers; ++i)
            add_worker();
        const auto jobs = 1 + below(4);
        for (unsigned i = 0; i != jobs; ++i)
            add_job();
    }

    void run()
    {
        for (unsigned step = 0; !all_over(); ++step) {
            BOOST_REQUIRE(step < 2'000'000u);
            time_ += 1us;
            hand_out();
            if (held_.empty() && !workers_.empty() && !all_over()) {
                consume_all();
                hand_out();
            }
            one_event();
        }
        for (const auto& [id, job] : jobs_)
            if (!job.given_up)
                check(job);
    }

private:
    unsigned below(unsigned n)
    {
        return std::uniform_int_distribution<unsigned>(0, n - 1)(chance_);
    }

    void add_worker()
    {
        s_.worker_up(++last_worker_, shows_items_);
        workers_.insert(last_worker_);
    }

    void add_job()
    {
        simulated_job job;
        job.total = below(400);
        job.retries = below(3);
        for (unsigned i = below(4); i != 0 && job.total != 0; --i)
            job.poison.insert(below(static_cast<unsigned>(job.total)));
        job.settled.resize(job.total);
        job.killed.resize(job.total);
        job_rules rules;
        if (below(2) != 0)
            rules.total = job.total;
        if (below(2) != 0)
            rules.chunk = 1 + below(50);
        rules.retries = job.retries;
        rules.stream = below(2) != 0;
        if (rules.stream)
            rules.in_flight = 1 + below(100);
        const auto id = s_.add_job(rules);
        if (rules.stream)
            streams_.insert(id);
        jobs_.emplace(id, job);
    }

    bool all_over() const
    {
        for (const auto& [id, job] : jobs_)
            if (!job.over)
                return false;
        return true;
    }

    void hand_out()
    {
        while (const auto offered = s_.next()) {
            auto& job = jobs_.at(offered->job);
            std::size_t count = offered->most;
            if (!offered->again) {
                const auto left = job.total - s_.taken(offered->job);
                count = std::min<std::uint64_t>(count, left);
                if (count == left)
                    s_.input_ended(offered->job);
                if (count == 0) {
                    look(offered->job);
                    continue;
                }
            }
            const auto c = s_.assign(*offered, count, time_);
            held_[c.worker].push_back(c);
        }
        for (const auto& [id, job] : jobs_)
            look(id);
    }

    void look(job_id id)
    {
        if (s_.has_job(id) && s_.is_settled(id)) {
            s_.end_job(id);
            jobs_.at(id).over = true;
        }
    }

    void consume_all()
    {
        for (const auto id : streams_)
            s_.consumed(id, 1);
    }

    void settle(job_id id, std::uint64_t item)
    {
        auto& job = jobs_.at(id);
        BOOST_REQUIRE(item < job.total);
        BOOST_REQUIRE(++job.settled[item] == 1u);
        if (streams_.contains(id))
            s_.consumed(id, 1);
    }

    /// Of a chunk: the first item that kills its worker.
    std::optional<std::uint32_t> poison_in(const chunk& c) const
    {
        const auto& poison = jobs_.at(c.job).poison;
        const auto at = poison.lower_bound(c.first);
        if (at == poison.end() || *at >= c.first + c.count)
            return std::nullopt;
        return static_cast<std::uint32_t>(*at - c.first);
    }

    void one_event()
    {
        const auto what = below(1000);
        if (what < 2 && workers_.size() < 8)
            return add_worker();
        if (what < 4 && workers_.size() > 1)
            return s_.retire(*workers_.begin());
        if (what < 5) {
            const auto id = 1 + below(static_cast<unsigned>(jobs_.size()));
            if (s_.has_job(id) && below(4) == 0) {
                s_.end_job(id);
                jobs_.at(id).over = jobs_.at(id).given_up = true;
            }
            return;
        }
        std::vector<worker_id> busy;
        for (const auto& [id, chunks] : held_)
            if (!chunks.empty())
                busy.push_back(id);
        if (busy.empty()) {
            if (!s_.next()) // all are retired
                add_worker();
            return;
        }
        const auto id = busy[below(static_cast<unsigned>(busy.size()))];
        const auto c = held_[id].front();
        if (const auto item = poison_in(c))
            return die(id, c, *item);
        if (below(50) == 0) // somebody kills it
            return die(id, c, below(c.count));
        const auto done = below(20) == 0 ? below(c.count + 1) : c.count;
        const auto told = s_.finished(id, c.id, done, {}, duration(1 + below(5000)) * done, time_);
        BOOST_REQUIRE(told.has_value());
        held_[id].erase(held_[id].begin());
        if (told->wanted)
            for (std::uint32_t i = 0; i != done; ++i)
                settle(c.job, c.first + i);
    }

    void die(worker_id id, const chunk& c, std::uint32_t item)
    {
        std::optional<last_sign> sign;
        if (shows_items_)
            sign = last_sign{c.id, item};
        auto& job = jobs_.at(c.job);
        const bool wanted = s_.has_job(c.job);
        if (wanted && (shows_items_ || c.count == 1))
            ++job.killed[c.first + item];
        const auto told = s_.worker_gone(id, sign);
        for (const auto& each : told) {
            BOOST_TEST(!each.overdue);
            auto& of = jobs_.at(each.job);
            BOOST_TEST(of.killed[each.item] == of.retries + 1);
            settle(each.job, each.item);
        }
        held_.erase(id);
        workers_.erase(id);
        add_worker();
    }

    void check(const simulated_job& job) const
    {
        for (std::uint64_t item = 0; item != job.total; ++item) {
            BOOST_REQUIRE(job.settled[item] == 1u);
            if (job.poison.contains(item))
                BOOST_REQUIRE(job.killed[item] == job.retries + 1);
        }
    }

    std::mt19937 chance_;
    scheduler s_;
    duration time_{};
    bool shows_items_ = true;
    worker_id last_worker_ = 0;
    std::set<worker_id> workers_;
    std::map<worker_id, std::vector<chunk>> held_;
    std::map<job_id, simulated_job> jobs_;
    std::set<job_id> streams_;
};

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_simulation)

BOOST_AUTO_TEST_CASE(every_item_is_settled_once_whatever_dies)
{
    for (unsigned seed = 0; seed != 2000; ++seed)
        BOOST_TEST_CONTEXT("seed " << seed)
        {
            simulation(seed).run();
        }
}

BOOST_AUTO_TEST_SUITE_END()
