// What it costs a replica to follow: to apply what was written since it was last looked at, and
// to read everything there is, once, at its beginning. (What a read costs when nothing is new:
// replica_read.)
//
// Baseline: a std::unordered_map behind a seqlock, to which the same changes are made directly, of
// which it knows the type. A replica finds them in a journal, checks them, and keeps encoded what
// nobody has asked for.
//
// Not measured: values that are asked for after each change, which are decoded then; rings that
// were left behind.

#include "client/replica.hpp"
#include "support/heap_rings.hpp"
#include "support/seqlocked_table.hpp"
#include "value/msgpack.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

namespace bench = zproc::bench;
namespace client = zproc::client;

constexpr std::string_view name_space = "default";
constexpr std::int64_t at_once = 1000; ///< changes between two looks

/// Somebody who writes, and the ring it is read from.
struct author {
    bench::heap_store of{64u << 20};
    std::vector<std::string> keys;
    bench::scattered order;
    std::int64_t number = 0;

    explicit author(std::int64_t count)
        : keys(bench::some_keys(static_cast<std::size_t>(count))), order(keys.size())
    {
        for (const auto& key : keys)
            set(key);
        of.data().publish();
    }

    void set(std::string_view key)
    {
        std::vector<std::byte> value;
        zproc::msgpack::writer(value).write_int(1'000'000 + ++number);
        of.data().set({0, 0, 0, 0, 1, 0}, name_space, key, value);
    }
    void set_some()
    {
        for (std::int64_t i = 0; i != at_once; ++i)
            set(keys[order.next()]);
        of.data().publish();
    }
};

void catch_up(client::replica& one, benchmark::State& state)
{
    if (one.catch_up() != client::replica::progress::current)
        state.SkipWithError("it does not catch up");
}

void both_sizes(benchmark::internal::Benchmark* b)
{
    b->ArgName("keys")->Arg(10)->Arg(100'000);
}

void table_applies(benchmark::State& state)
{
    bench::seqlocked_table to;
    const auto keys = bench::some_keys(static_cast<std::size_t>(state.range(0)));
    bench::scattered order(keys.size());
    std::int64_t number = 0;
    for (const auto& key : keys)
        to.set(key, number);
    for (auto _ : state)
        to.set(keys[order.next()], ++number);
    state.SetItemsProcessed(state.iterations());
}

void replica_applies(benchmark::State& state)
{
    author from(state.range(0));
    client::replica to{std::string(name_space)};
    to.enter(*zproc::journal::reader::open(from.of.region()));
    catch_up(to, state);
    for (auto _ : state) {
        state.PauseTiming();
        from.set_some();
        state.ResumeTiming();
        catch_up(to, state);
    }
    state.SetItemsProcessed(at_once * state.iterations());
}

void table_is_filled(benchmark::State& state)
{
    const auto keys = bench::some_keys(static_cast<std::size_t>(state.range(0)));
    for (auto _ : state) {
        bench::seqlocked_table to;
        for (const auto& key : keys)
            to.set(key, 1);
        benchmark::DoNotOptimize(to);
    }
    state.SetItemsProcessed(state.range(0) * state.iterations());
}

void replica_scans(benchmark::State& state)
{
    const author from(state.range(0));
    for (auto _ : state) {
        client::replica to{std::string(name_space)};
        to.enter(*zproc::journal::reader::open(from.of.region()));
        catch_up(to, state);
        benchmark::DoNotOptimize(to.size());
    }
    state.SetItemsProcessed(state.range(0) * state.iterations());
}

BENCHMARK(table_applies)->Apply(both_sizes);
BENCHMARK(replica_applies)->Apply(both_sizes);
BENCHMARK(table_is_filled)->Apply(both_sizes);
BENCHMARK(replica_scans)->Apply(both_sizes);

} // namespace

BENCHMARK_MAIN();
