#include "unit/server/disk_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>

/// Cuts the power, kills the process, or lets the disk fail, at every single call to it, and starts
/// again from what is there.
namespace {

using namespace disk_test;

struct setting {
    const char* name;
    fsync_policy fsync;
    bool power;         ///< else only the process dies
    bool ring;          ///< what it leaves behind is a ring, too
    bool fails = false; ///< every other time, the call only fails, which ends the processes
};

std::ostream& operator<<(std::ostream& out, const setting& what)
{
    return out << what.name;
}

class world {
public:
    world(const setting& what, std::uint64_t seed) : setting_(what), random_(seed) {}

    /// One life after another, each until it is stopped at the call that was chosen.
    void live(std::uint64_t stop_at)
    {
        const bool fails = setting_.fails && lives_ % 2 == 1;
        (fails ? files_.fail_at : files_.cut_at) = stop_at == 0 ? 0 : files_.calls + stop_at;
        try {
            start();
            for (int i = 0; i != 60; ++i)
                step();
            machine_->stored->finish();
            finished_ = true;
        } catch (const power_cut&) {
        } catch (const disk_gone&) {
        }
        files_.cut_at = files_.fail_at = 0;
        before_ = std::move(machine_);
        if (setting_.power && !fails) {
            files_.lose(random_);
            ++boots_;
            before_.reset();
        } else {
            files_.forget_open();
        }
    }

    std::uint64_t calls() const { return files_.calls; }
    const std::set<std::string>& instances() const { return instances_; }
    std::uint64_t growths() const { return growths_; }

    void check_now()
    {
        live(0);
        BOOST_TEST_REQUIRE(finished_);
    }

private:
    void start()
    {
        disk_options options;
        options.fsync = setting_.fsync;
        options.boot = id(boots_);
        options.instance = id(++lives_ + 1000);
        machine_ = std::make_unique<machine>(files_, options);
        // Nobody knows of a ring before its first segment is there.
        const bool succeed = setting_.ring && before_ && before_->data && !finished_ && begun_;
        // Two may die one after another: the ring is that of the last one who came so far.
        if (succeed)
            last_ring_ = before_->regions.back();
        const auto ec = succeed && last_ring_ ? machine_->succeed(store_test::bytes_of(last_ring_))
                                              : machine_->start();
        if (ec == errc::disk_failed && files_.fail_at != 0)
            throw disk_gone{};
        BOOST_TEST_REQUIRE(!ec.failed(), ec.message());
        begun_ = true;
        check();
        finished_ = false;
        data().open_session(1, ++time_);
        note();
        publish();
    }

    store::database& data() { return *machine_->data; }

    /// What was acknowledged is there, and nothing is there by half.
    void check()
    {
        const auto commit = data().ring().last_commit();
        const auto& instance = data().ring().header().instance;
        const auto found = states_.find(commit);
        BOOST_TEST_REQUIRE((found != states_.end()));
        BOOST_TEST_REQUIRE((picture_of(data()) == found->second));
        const bool same = instance == instance_;
        if (same || setting_.fsync == fsync_policy::commit || !setting_.power || finished_)
            BOOST_TEST_REQUIRE(commit >= acknowledged_);
        BOOST_TEST_REQUIRE(commit >= synced_);
        if (setting_.fsync == fsync_policy::commit || !setting_.power)
            BOOST_TEST_REQUIRE((same || instance_ == id(0))); // or nobody knew of it
        BOOST_TEST_REQUIRE(data().ring().header().epoch > epoch_);
        epoch_ = data().ring().header().epoch;
        instance_ = instance;
        instances_.insert(std::string(reinterpret_cast<const char*>(instance.data()), 16));
        // A successor, or its like, goes on from here.
        states_.erase(states_.upper_bound(commit), states_.end());
        states_.erase(states_.begin(), states_.find(commit));
        acknowledged_ = synced_ = commit;
        // What was kept for a duplicate is kept still.
        if (request_ != 0 && data().knows_session(1) &&
            request_ > data().known_sessions().acknowledged(1)) {
            const auto again = data().set({1, 1, request_, 0, ++time_}, "again", "k",
                                          store_test::pack(value(int(request_))));
            if (!again.error.failed() && !again.repeated)
                note();
        }
    }

    void note() { states_[data().ring().last_commit()] = picture_of(data()); }
    void publish()
    {
        data().publish();
        acknowledged_ = data().ring().last_commit();
        if (setting_.fsync == fsync_policy::commit)
            synced_ = acknowledged_;
    }

    void step()
    {
        const auto capacity = data().ring().capacity();
        const std::string name_space = random_() % 3 == 0 ? "b" : "a";
        const std::string key = "k" + std::to_string(random_() % 8);
        const std::size_t size = random_() % 12 == 0 ? random_() % 1200 : random_() % 40;
        const auto content = store_test::pack(value(std::string(size, char('a' + random_() % 26))));
        const store::author by{1, 1, ++request_, request_ - std::min<std::uint64_t>(request_, 3),
                               ++time_};
        if (random_() % 4 == 0) {
            const std::string_view keys[] = {key};
            data().erase(by, name_space, keys);
        } else {
            data().set(by, name_space, key, content);
        }
        note();
        growths_ += data().ring().capacity() != capacity ? 1u : 0u;
        if (random_() % 3 == 0)
            publish();
        if (setting_.fsync == fsync_policy::interval && random_() % 8 == 0) {
            machine_->stored->synchronize();
            synced_ = std::max(synced_, on_disk());
        }
    }
    /// Of what was written, everything was published, but for what a full ring published itself.
    std::uint64_t on_disk() const { return acknowledged_; }

    setting setting_;
    std::mt19937_64 random_;
    lossy_files files_;
    std::unique_ptr<machine> machine_;
    std::unique_ptr<machine> before_;
    store_test::region last_ring_;
    bool begun_ = false;
    bool finished_ = false;
    unsigned boots_ = 1;
    unsigned lives_ = 0;
    std::int64_t time_ = 0;
    std::uint64_t request_ = 0;
    std::map<std::uint64_t, picture> states_{{0, {}}};
    std::uint64_t acknowledged_ = 0;
    std::uint64_t synced_ = 0;
    std::uint64_t epoch_ = 0;
    std::array<std::byte, 16> instance_{};
    std::set<std::string> instances_;
    std::uint64_t growths_ = 0;
};

constexpr setting settings[] = {
    {"power, commit", fsync_policy::commit, true, false},
    {"power, interval", fsync_policy::interval, true, false},
    {"power, never", fsync_policy::never, true, false},
    {"failing and power, commit", fsync_policy::commit, true, false, true},
    {"failing and power, interval", fsync_policy::interval, true, false, true},
    {"kill all, commit", fsync_policy::commit, false, false},
    {"kill all, never", fsync_policy::never, false, false},
    {"kill the state, commit", fsync_policy::commit, false, true},
    {"kill the state, interval", fsync_policy::interval, false, true},
};

} // namespace

BOOST_AUTO_TEST_SUITE(server_disk_model)

BOOST_AUTO_TEST_CASE(everything_acknowledged_is_there_after_a_stop_at_any_call)
{
    std::uint64_t first = 0;
    for (const auto& what : settings) {
        ++first; // each setting stops at calls of its own
        std::uint64_t growths = 0;
        std::uint64_t calls = 0;
        for (std::uint64_t stop = first; stop <= 330; stop += 9) {
            BOOST_TEST_CONTEXT(what << ", call " << stop)
            {
                world one(what, stop);
                one.live(stop % 3 == 0 ? 0 : stop / 2 + 1); // a history, whole or cut
                one.live(stop);
                one.live(1 + stop % 40);
                one.check_now();
                one.check_now();
                calls += one.calls();
                growths += one.growths();
                if (what.fsync == fsync_policy::commit || !what.power)
                    BOOST_TEST(one.instances().size() == 1u);
            }
        }
        BOOST_TEST(growths > 10u);
        BOOST_TEST_MESSAGE(what << ": " << calls << " calls");
    }
}

BOOST_AUTO_TEST_SUITE_END()
