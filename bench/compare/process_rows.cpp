// P11 and P13: what processes and data take.

#include "compare/machine.hpp"
#include "compare/row.hpp"
#include "support/spawning_root.hpp"

#include <zproc/dict.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <string>
#include <unordered_map>

#include <hiredis/hiredis.h>
#include <unistd.h>

namespace zproc::bench {

namespace {

class spawning : public experiment {
public:
    explicit spawning(const scale& s)
        : times_(s.of(100, 3)), large_(s.quick ? std::size_t{64} << 20 : std::size_t{1} << 30)
    {
    }

    std::vector<figures> round(unsigned number) override
    {
        figures small;
        figures large;
        in_turn(number, {[&] { small.ours = time(small_, spawn_way::spawn); },
                         [&] { small.peer = time(small_, spawn_way::posix_spawn); },
                         [&] { small.raw = time(small_, spawn_way::fork); },
                         [&] { large.ours = time(large_, spawn_way::spawn); },
                         [&] { large.peer = time(large_, spawn_way::fork); },
                         [&] { large.raw = time(large_, spawn_way::posix_spawn); }});
        return {small, large};
    }

private:
    /// A second.
    double time(const spawning_root& from, spawn_way how) const
    {
        const auto begun = now_ns();
        from.run(how, times_);
        return static_cast<double>(times_) * 1e9 / static_cast<double>(now_ns() - begun);
    }

    std::size_t times_;
    spawning_root small_{0};
    spawning_root large_;
};

class holding_keys : public experiment {
public:
    explicit holding_keys(const scale& s) : keys_(s.of(100'000, 2'000)) {}

    std::vector<figures> round(unsigned number) override
    {
        figures without;
        figures with;
        in_turn(number, {[&] { ours(without.ours, with.ours); },
                         [&] { without.peer = with.peer = theirs(); },
                         [&] { without.raw = with.raw = a_table(); }});
        return {without, with};
    }

private:
    static constexpr double mebibyte = 1 << 20;

    void ours(double& without, double& with) const
    {
        own_state own;
        own.run(fill(own.ctx.state(), keys_));
        const auto now = memory_of(own.server);
        with = now.all / mebibyte;
        without = (now.all - now.shared_files) / mebibyte;
    }

    static asio::awaitable<void> fill(state s, std::size_t keys)
    {
        for (std::size_t i = 0; i < keys;) {
            dict changes;
            for (const auto end = std::min(i + 1000, keys); i != end; ++i)
                changes[key(i)] = content(i);
            co_await s.update(std::move(changes));
        }
    }

    double theirs() const
    {
        const redis_server server;
        redis_client client(server.path());
        for (std::size_t i = 0; i != keys_; ++i)
            client.run("SET %s %s", key(i).c_str(), content(i).c_str());
        return memory_of(server.pid()).all / mebibyte;
    }

    /// What a process grows by when it holds as much, and nothing else.
    double a_table() const
    {
        page->reset();
        {
            const crowd one(1, [&](int) {
                const auto before = memory_of(::getpid()).all;
                std::unordered_map<std::string, std::string> held;
                for (std::size_t i = 0; i != keys_; ++i)
                    held.emplace(key(i), content(i));
                page->done = static_cast<std::uint64_t>(memory_of(::getpid()).all - before);
            });
        }
        return static_cast<double>(page->done) / mebibyte;
    }

    static std::string key(std::size_t number) { return "key:" + std::to_string(number); }
    static std::string content(std::size_t number) { return "value " + std::to_string(number); }

    std::size_t keys_;
};

} // namespace

void add_process_rows(std::vector<row>& to)
{
    to.push_back({"P11",
                  {{"P11", "spawn to running", "/s", "posix_spawn of /bin/true", better::more, 1.5,
                    2, "fork"},
                   {"P11/1G", "the same, from a root of 1 GiB", "/s", "fork", better::more, 8, 20,
                    "posix_spawn of /bin/true"}},
                  [](const scale& s) { return std::make_unique<spawning>(s); }});
    to.push_back({"P13",
                  {{"P13", "memory for 100,000 keys, without the journal", "MiB", "Redis",
                    better::less, 1.5, 1, "what a hash table of the same adds to a process"},
                   {"P13/all", "the same, with the journal", "MiB", "Redis", better::less, 4, 2.5,
                    "what a hash table of the same adds to a process"}},
                  [](const scale& s) { return std::make_unique<holding_keys>(s); }});
}

} // namespace zproc::bench
