// What MessagePack costs, in which every value crosses to the state process and lies in the
// journal: written, read, and only checked, which is what the state process does.
//
// Baselines: a copy of as many bytes, and the same facts in a struct that knows its fields, each
// written and read by hand.
//
// Not measured: texts that are long, which are copies; JSON; objects of users' types.

#include "value/msgpack.hpp"

#include <zproc/dict.hpp>
#include <zproc/value.hpp>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

using zproc::bytes;
namespace msgpack = zproc::msgpack;

constexpr std::int64_t small = 1;
constexpr std::int64_t large = 1000;

/// What is written down: so many of these.
struct person {
    std::int64_t id = 0;
    double score = 0;
    std::string name;
};

std::vector<person> people(std::int64_t count)
{
    std::vector<person> out;
    for (std::int64_t i = 0; i != count; ++i)
        out.push_back({1'000 * i + 7, 0.5 * static_cast<double>(i), "Ann " + std::to_string(i)});
    return out;
}

/// One of them is a dict, more are a list.
zproc::value as_value(const std::vector<person>& all)
{
    zproc::list out;
    for (const auto& each : all)
        out.push_back(
            zproc::value(zproc::dict::of("id", each.id, "name", each.name, "score", each.score)));
    return out.size() == 1 ? out.front() : zproc::value(std::move(out));
}

bytes encoded(const zproc::value& content)
{
    bytes out;
    if (msgpack::encode(content, out).failed())
        throw std::runtime_error("it cannot be encoded");
    return out;
}

void count_bytes(benchmark::State& state, std::size_t each)
{
    state.SetBytesProcessed(static_cast<std::int64_t>(each) * state.iterations());
}

// ---- by hand -----------------------------------------------------------------------------------

void append(bytes& out, const void* from, std::size_t size)
{
    const auto* const begin = static_cast<const std::byte*>(from);
    out.insert(out.end(), begin, begin + size);
}

void write_by_hand(const std::vector<person>& all, bytes& out)
{
    for (const auto& each : all) {
        const auto length = static_cast<std::uint32_t>(each.name.size());
        append(out, &each.id, sizeof each.id);
        append(out, &each.score, sizeof each.score);
        append(out, &length, sizeof length);
        append(out, each.name.data(), length);
    }
}

void read_by_hand(const bytes& from, std::vector<person>& all)
{
    const auto* at = from.data();
    for (auto& each : all) {
        std::uint32_t length = 0;
        std::memcpy(&each.id, at, sizeof each.id);
        std::memcpy(&each.score, at + 8, sizeof each.score);
        std::memcpy(&length, at + 16, sizeof length);
        each.name.assign(reinterpret_cast<const char*>(at + 20), length);
        at += 20 + length;
    }
}

// ---- what is measured --------------------------------------------------------------------------

void copy_of_bytes(benchmark::State& state)
{
    const auto from = encoded(as_value(people(state.range(0))));
    bytes out(from.size());
    for (auto _ : state) {
        std::memcpy(out.data(), from.data(), from.size());
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    count_bytes(state, from.size());
}

void struct_written(benchmark::State& state)
{
    const auto all = people(state.range(0));
    bytes out;
    for (auto _ : state) {
        out.clear();
        write_by_hand(all, out);
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    count_bytes(state, out.size());
}

void struct_read(benchmark::State& state)
{
    auto all = people(state.range(0));
    bytes from;
    write_by_hand(all, from);
    for (auto _ : state) {
        std::vector<person> out(all.size());
        read_by_hand(from, out);
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
    count_bytes(state, from.size());
}

void encode(benchmark::State& state)
{
    const auto content = as_value(people(state.range(0)));
    bytes out;
    for (auto _ : state) {
        out.clear();
        if (msgpack::encode(content, out).failed())
            state.SkipWithError("it cannot be encoded");
        benchmark::DoNotOptimize(out.data());
    }
    count_bytes(state, out.size());
}

void decode(benchmark::State& state)
{
    const auto from = encoded(as_value(people(state.range(0))));
    for (auto _ : state) {
        zproc::value out;
        if (msgpack::decode(from, out).failed())
            state.SkipWithError("it cannot be decoded");
        benchmark::DoNotOptimize(out);
    }
    count_bytes(state, from.size());
}

void check(benchmark::State& state)
{
    const auto from = encoded(as_value(people(state.range(0))));
    for (auto _ : state)
        if (msgpack::validate(from).failed())
            state.SkipWithError("it is not well formed");
    count_bytes(state, from.size());
}

BENCHMARK(copy_of_bytes)->Arg(small)->Arg(large);
BENCHMARK(struct_written)->Arg(small)->Arg(large);
BENCHMARK(struct_read)->Arg(small)->Arg(large);
BENCHMARK(encode)->Arg(small)->Arg(large);
BENCHMARK(decode)->Arg(small)->Arg(large);
BENCHMARK(check)->Arg(small)->Arg(large);

} // namespace

BENCHMARK_MAIN();
