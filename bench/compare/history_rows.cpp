// P9: one watcher replays what has happened.

#include "compare/machine.hpp"
#include "compare/row.hpp"
#include "support/window.hpp"

#include <zproc/watcher.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <hiredis/hiredis.h>
#include <sys/mman.h>

namespace zproc::bench {

namespace {

/// What there is to know of an event.
struct plain_event {
    std::uint64_t revision = 0;
    std::string key;
    std::int64_t before = 0;
    std::int64_t after = 0;
};

/// Events as records in memory that processes share; the least that a replay could read.
class plain_history {
public:
    explicit plain_history(std::size_t events) : size_(events * sizeof(record))
    {
        void* const at =
            ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            throw std::runtime_error("no memory for a plain history");
        records_ = {static_cast<record*>(at), events};
        for (std::size_t i = 0; i != events; ++i) {
            auto& one = records_[i];
            one.revision = i + 1;
            one.length = ("key " + std::to_string(i % 10)).copy(one.key, sizeof one.key);
            one.before = static_cast<std::int64_t>(i) - 10;
            one.after = static_cast<std::int64_t>(i);
        }
    }
    ~plain_history() { ::munmap(records_.data(), size_); }
    plain_history(const plain_history&) = delete;
    plain_history& operator=(const plain_history&) = delete;

    /// As many at once as XRANGE gives.
    void replay() const
    {
        std::uint64_t seen = 0;
        std::vector<plain_event> some;
        for (std::size_t at = 0; at != records_.size();) {
            some.clear();
            for (const auto end = std::min(at + 1000, records_.size()); at != end; ++at) {
                const auto& one = records_[at];
                some.push_back(
                    {one.revision, std::string(one.key, one.length), one.before, one.after});
            }
            for (const auto& each : some)
                seen += !each.key.empty();
        }
        if (seen != records_.size())
            throw std::runtime_error("an event is missing");
    }

private:
    struct record {
        std::uint64_t revision;
        std::size_t length;
        char key[16];
        std::int64_t before;
        std::int64_t after;
    };

    std::size_t size_;
    std::span<record> records_;
};

class replaying : public experiment {
public:
    explicit replaying(const scale& how) : events_(how.of(50'000, 500)), plain_(events_)
    {
        own_.run([](replaying& self) -> asio::awaitable<void> {
            const auto s = self.own_.ctx.state();
            std::size_t written = 0;
            co_await keep_under_way(
                64, [&] { return written++ < self.events_; },
                [&](auto done) {
                    s.set("key " + std::to_string(written % 10), static_cast<std::int64_t>(written),
                          std::move(done));
                });
        }(*this));
        for (std::size_t i = 0; i != events_; ++i)
            redisAppendCommand(client_.get(), "XADD s * key:%d %d", static_cast<int>(i % 10),
                               static_cast<int>(i));
        for (std::size_t i = 0; i != events_; ++i) {
            void* reply = nullptr;
            if (redisGetReply(client_.get(), &reply) != REDIS_OK)
                throw std::runtime_error("redis-server has gone");
            freeReplyObject(reply);
        }
    }

    std::vector<figures> round(unsigned number) override
    {
        figures out;
        in_turn(number, {[&] {
                             const auto begun = now_ns();
                             own_.run(replay(own_.ctx.state(), events_));
                             out.ours = rate(begun);
                         },
                         [&] {
                             const auto begun = now_ns();
                             read_stream();
                             out.peer = rate(begun);
                         },
                         [&] {
                             const auto begun = now_ns();
                             plain_.replay();
                             out.raw = rate(begun);
                         }});
        return {out};
    }

private:
    double rate(std::int64_t begun) const
    {
        return static_cast<double>(events_) * 1e6 / static_cast<double>(now_ns() - begun);
    }

    static asio::awaitable<void> replay(state s, std::size_t events)
    {
        auto all = s.when_change({.since = 0, .count = events, .own = true});
        std::size_t seen = 0;
        for (;;) {
            const auto some = co_await all.next_some(1000); // as many as XRANGE gives
            if (some.empty())
                break;
            for (const auto& e : some)
                seen += e.changes.size();
        }
        if (seen != events)
            throw std::runtime_error("an event is missing");
    }

    void read_stream()
    {
        std::string last = "-";
        std::size_t seen = 0;
        while (seen != events_) {
            auto* const reply = static_cast<redisReply*>(
                redisCommand(client_.get(), "XRANGE s %s + COUNT 1000", last.c_str()));
            if (reply == nullptr || reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
                throw std::runtime_error("redis-server does not answer");
            seen += reply->elements;
            last = std::string("(") + reply->element[reply->elements - 1]->element[0]->str;
            freeReplyObject(reply);
        }
    }

    std::size_t events_;
    plain_history plain_;
    own_state own_{context_options{}.journal_size(std::size_t{64} << 20)};
    redis_server server_;
    redis_client client_{server_.path()};
};

} // namespace

void add_history_rows(std::vector<row>& to)
{
    to.push_back({"P9",
                  {{"P9", "replay of all events, one watcher", "1000/s", "Redis XRANGE",
                    better::more, 5, 20, "as many records of shared memory made objects"}},
                  [](const scale& s) { return std::make_unique<replaying>(s); }});
}

} // namespace zproc::bench
