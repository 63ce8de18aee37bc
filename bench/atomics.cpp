// What an atomic function costs its client, without the way to the state process and back: a run
// on a draft of what is known, what it has read and written, and, around it, the request that
// commits it and the reply.
//
// Baseline: the same change of the same keys, made to a std::map directly.
//
// Not measured: the round trip, which is that of any request (round_trip); conflicts.

#include "client/transaction_fsm.hpp"
#include "support/heap_rings.hpp"

#include <zproc/draft.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

namespace bench = zproc::bench;
namespace client = zproc::client;
namespace detail = zproc::detail;
namespace protocol = zproc::protocol;
using zproc::draft;
using action = client::transaction_fsm::action;

/// Adds one to each of the keys.
void add_one(draft& d, const std::vector<std::string>& keys)
{
    for (const auto& key : keys)
        d[key] += 1;
}

void some_sizes(benchmark::internal::Benchmark* b)
{
    b->ArgName("keys")->Arg(1)->Arg(10);
}

std::vector<std::string> keys_of(const benchmark::State& state)
{
    return bench::some_keys(static_cast<std::size_t>(state.range(0)));
}

void map_updated(benchmark::State& state)
{
    const auto keys = keys_of(state);
    std::map<std::string, std::int64_t> map;
    for (auto _ : state) {
        for (const auto& key : keys)
            map[key] += 1;
        benchmark::ClobberMemory();
    }
}

void dict_updated(benchmark::State& state)
{
    const auto keys = keys_of(state);
    zproc::dict d;
    for (auto _ : state) {
        for (const auto& key : keys)
            d[key] += 1;
        benchmark::ClobberMemory();
    }
}

void draft_run(benchmark::State& state)
{
    const auto keys = keys_of(state);
    detail::draft_source source;
    for (const auto& key : keys)
        source.put(key, 7, 1);
    for (auto _ : state) {
        draft d(source);
        add_one(d, keys);
        benchmark::DoNotOptimize(detail::draft_access::reads(d));
        benchmark::DoNotOptimize(detail::draft_access::writes(d));
    }
}

/// From the function's first run on: what is read is fetched, then it runs to its end.
void whole_transaction(benchmark::State& state)
{
    const auto keys = keys_of(state);
    const std::vector<std::byte> seven{std::byte{7}};
    protocol::read_reply known;
    known.revision = 1;
    protocol::buffer committed;
    protocol::encode(committed, protocol::mutation_reply{2, true, std::nullopt});
    protocol::buffer request;
    protocol::buffer answer;
    for (auto _ : state) {
        client::transaction_fsm machine("default", 1, 1);
        auto next = action::run;
        while (next != action::finish) {
            if (next == action::run) {
                draft d(machine.source());
                bool threw = false;
                try {
                    add_one(d, keys);
                } catch (const detail::draft_restart&) {
                    threw = true;
                }
                next = machine.ran(d, threw);
                continue;
            }
            request.clear();
            machine.write(request, 1, {1, 0, 1});
            benchmark::DoNotOptimize(request.data());
            if (machine.asks_commit()) {
                next = machine.answered({}, committed, 0);
                continue;
            }
            // Whatever it asks for has the same value.
            protocol::read_request asked;
            if (protocol::decode(protocol::bytes_view(request).subspan(protocol::header_bytes),
                                 asked)
                    .failed())
                state.SkipWithError("it asks for something else");
            known.items.clear();
            for (const auto key : asked.keys)
                known.items.push_back({key, 1, seven});
            answer.clear();
            protocol::encode(answer, known);
            next = machine.answered({}, answer, 0);
        }
        if (machine.error().failed())
            state.SkipWithError("it fails");
    }
}

BENCHMARK(map_updated)->Apply(some_sizes);
BENCHMARK(dict_updated)->Apply(some_sizes);
BENCHMARK(draft_run)->Apply(some_sizes);
BENCHMARK(whole_transaction)->Apply(some_sizes);

} // namespace

BENCHMARK_MAIN();
