// What the store behind a state costs for an operation, with ten keys and with 100,000: without
// the processes, the sockets, and the protocol around it.
//
// Baselines: the same keys and values in a std::unordered_map and a std::map. The store also
// writes each change to its journal, keeps its answer for a client that may ask again, and
// publishes it.
//
// Keys come in an order that no cache foresees, on all sides.
//
// Not measured: large values, transactions of many keys, rings that grow.

#include "support/heap_rings.hpp"
#include "value/msgpack.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

namespace bench = zproc::bench;
namespace store = zproc::store;

using packed = std::vector<std::byte>;
constexpr std::string_view name_space = "default";

packed pack(std::int64_t number)
{
    packed out;
    zproc::msgpack::writer(out).write_int(number);
    return out;
}

/// A store with so many keys, as one client uses it, that has every answer before it asks again.
struct client {
    bench::heap_store of{64u << 20};
    std::vector<std::string> keys;
    bench::scattered order;
    std::uint64_t request = 0;

    explicit client(std::int64_t count)
        : keys(bench::some_keys(static_cast<std::size_t>(count))), order(keys.size())
    {
        of.data().open_session(1, 1);
        for (const auto& key : keys)
            set(key, pack(1));
    }

    const std::string& next() { return keys[order.next()]; }
    store::author who()
    {
        ++request;
        return {1, 1, request, request - 1, 1, 0};
    }
    void set(std::string_view key, const packed& value)
    {
        of.data().acknowledge(1, request);
        of.data().set(who(), name_space, key, value);
        of.data().publish();
    }
    void erase(std::string_view key)
    {
        of.data().acknowledge(1, request);
        of.data().erase(who(), name_space, {&key, 1});
        of.data().publish();
    }
    void increment(std::string_view key, const packed& by)
    {
        of.data().acknowledge(1, request);
        of.data().increment(who(), name_space, key, by);
        of.data().publish();
    }
};

template <class Map>
struct plain {
    Map map;
    std::vector<std::string> keys;
    bench::scattered order;

    explicit plain(std::int64_t count)
        : keys(bench::some_keys(static_cast<std::size_t>(count))), order(keys.size())
    {
        for (const auto& key : keys)
            map[key];
    }
    const std::string& next() { return keys[order.next()]; }
};

template <class Value>
using hashed = plain<std::unordered_map<std::string, Value>>;
template <class Value>
using sorted = plain<std::map<std::string, Value>>;

void both_sizes(benchmark::internal::Benchmark* b)
{
    b->ArgName("keys")->Arg(10)->Arg(100'000);
}

// ---- set ---------------------------------------------------------------------------------------

template <class Plain>
void plain_set(benchmark::State& state)
{
    Plain to(state.range(0));
    const auto value = pack(1'000'000);
    for (auto _ : state)
        to.map[to.next()] = value;
}

void store_set(benchmark::State& state)
{
    client to(state.range(0));
    const auto value = pack(1'000'000);
    for (auto _ : state)
        to.set(to.next(), value);
}

// ---- get ---------------------------------------------------------------------------------------

template <class Plain>
void plain_get(benchmark::State& state)
{
    Plain from(state.range(0));
    for (auto _ : state)
        benchmark::DoNotOptimize(from.map.find(from.next())->second.data());
}

void store_get(benchmark::State& state)
{
    client from(state.range(0));
    for (auto _ : state)
        benchmark::DoNotOptimize(from.of.data().get(name_space, from.next()).value->data());
}

// ---- erase, and set again ----------------------------------------------------------------------

template <class Plain>
void plain_erase_and_set(benchmark::State& state)
{
    Plain of(state.range(0));
    const auto value = pack(1);
    for (auto _ : state) {
        const auto& key = of.next();
        of.map.erase(key);
        of.map[key] = value;
    }
}

void store_erase_and_set(benchmark::State& state)
{
    client of(state.range(0));
    const auto value = pack(1);
    for (auto _ : state) {
        const auto& key = of.next();
        of.erase(key);
        of.set(key, value);
    }
}

// ---- increment ---------------------------------------------------------------------------------

template <class Plain>
void plain_increment(benchmark::State& state)
{
    Plain of(state.range(0));
    for (auto _ : state)
        benchmark::DoNotOptimize(of.map[of.next()] += 1);
}

void store_increment(benchmark::State& state)
{
    client of(state.range(0));
    const auto one = pack(1);
    for (auto _ : state)
        of.increment(of.next(), one);
}

BENCHMARK(plain_set<hashed<packed>>)->Name("set, unordered_map")->Apply(both_sizes);
BENCHMARK(plain_set<sorted<packed>>)->Name("set, map")->Apply(both_sizes);
BENCHMARK(store_set)->Name("set, store")->Apply(both_sizes);
BENCHMARK(plain_get<hashed<packed>>)->Name("get, unordered_map")->Apply(both_sizes);
BENCHMARK(plain_get<sorted<packed>>)->Name("get, map")->Apply(both_sizes);
BENCHMARK(store_get)->Name("get, store")->Apply(both_sizes);
BENCHMARK(plain_erase_and_set<hashed<packed>>)
    ->Name("erase and set, unordered_map")
    ->Apply(both_sizes);
BENCHMARK(plain_erase_and_set<sorted<packed>>)->Name("erase and set, map")->Apply(both_sizes);
BENCHMARK(store_erase_and_set)->Name("erase and set, store")->Apply(both_sizes);
BENCHMARK(plain_increment<hashed<std::int64_t>>)
    ->Name("increment, unordered_map")
    ->Apply(both_sizes);
BENCHMARK(plain_increment<sorted<std::int64_t>>)->Name("increment, map")->Apply(both_sizes);
BENCHMARK(store_increment)->Name("increment, store")->Apply(both_sizes);

} // namespace

BENCHMARK_MAIN();
