// What the journal costs its writer and a reader, both in one process and one thread.
//
// Baseline: as many bytes, copied into a ring of the same size and published by one atomic store;
// and out of it. The journal checks, says who and when, and carries on what is still alive.
//
// Not measured: large values; readers in other processes, which cost the writer its cache lines.

#include "journal/reader.hpp"
#include "journal/writer.hpp"

#include <array>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

namespace {

namespace journal = zproc::journal;

constexpr std::uint64_t capacity = 1 << 20; // it stays in the cache
constexpr std::size_t value_size = 9;       // of a large integer
constexpr std::string_view name_space = "default";

std::string key_of(std::size_t number)
{
    char text[16];
    return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "key %06zu", number))};
}

/// Which record each key's value is in: the least that somebody has to know who writes a journal.
/// Key 0 is written over and over, the others are there.
class ring final : public journal::live_index {
public:
    explicit ring(std::size_t keys)
        : memory_(journal::region_size(capacity) / 8),
          writer_(std::as_writable_bytes(std::span(memory_)), {}),
          records_(keys, journal::nowhere)
    {
        for (std::size_t i = 0; i != keys; ++i)
            set(i);
        const auto before = writer_.written();
        set(0);
        record_size_ = writer_.written() - before;
        writer_.commit();
    }

    void set(std::size_t number)
    {
        const auto key = number == 0 ? hot_ : key_of(number);
        journal::change_draft change;
        change.key = key;
        if (records_[number] != journal::nowhere)
            change.before = value_;
        change.after = value_;
        journal::transaction what;
        what.name_space = name_space;
        what.revision = ++revision_;
        what.time = 1;
        what.by = {1, 1};
        what.changes = {&change, 1};
        const auto written = writer_.append(what, *this);
        if (!written)
            throw std::runtime_error("the ring is too small");
        if (records_[number] == journal::nowhere)
            live_ += size_of(key);
        records_[number] = counter_ = written.record;
    }

    journal::writer& writer() { return writer_; }
    std::uint64_t record_size() const { return record_size_; } ///< of one more set

    bool value_live(std::string_view, std::string_view key, journal::position record) override
    {
        return records_[number_of(key)] == record;
    }
    bool counter_live(std::string_view, journal::position record) override
    {
        return counter_ == record;
    }
    bool reply_live(std::uint64_t, std::uint64_t, journal::position) override { return false; }
    void value_moved(std::string_view, std::string_view key, journal::position record,
                     journal::value_place) override
    {
        records_[number_of(key)] = record;
    }
    void counter_moved(std::string_view, journal::position record) override { counter_ = record; }
    void reply_moved(std::uint64_t, std::uint64_t, journal::position, journal::value_place) override
    {
    }
    std::uint64_t live_bytes() const override
    {
        return live_ + journal::carried_counter_size(name_space.size());
    }

private:
    static std::size_t number_of(std::string_view key)
    {
        std::size_t out = 0;
        std::from_chars(key.data() + 4, key.data() + key.size(), out);
        return out;
    }
    static std::uint64_t size_of(std::string_view key)
    {
        return journal::carried_value_size(name_space.size(), key.size(), value_size);
    }

    std::vector<std::uint64_t> memory_;
    journal::writer writer_;
    std::vector<journal::position> records_;
    journal::position counter_ = journal::nowhere;
    std::uint64_t live_ = 0;
    std::uint64_t record_size_ = 0;
    std::uint64_t revision_ = 0;
    std::array<std::byte, value_size> value_{};
    std::string hot_ = key_of(0);
};

/// Keys that take so many hundredths of the ring.
std::size_t keys_for(std::int64_t hundredths)
{
    const auto each = journal::carried_value_size(name_space.size(), key_of(0).size(), value_size);
    return 1 + static_cast<std::size_t>(hundredths) * capacity / 100 / each;
}

/// Bytes in a ring, without anything about them.
struct plain_ring {
    std::vector<std::byte> bytes{capacity};
    std::atomic<std::uint64_t> head = 0;

    void append(std::span<const std::byte> record)
    {
        auto at = head.load(std::memory_order_relaxed);
        if (at % capacity + record.size() > capacity)
            at += capacity - at % capacity;
        std::memcpy(bytes.data() + at % capacity, record.data(), record.size());
        head.store(at + record.size(), std::memory_order_release);
    }
};

// ---- what is measured --------------------------------------------------------------------------

void copy_into_ring(benchmark::State& state)
{
    ring same(1);
    const std::vector<std::byte> record(same.record_size());
    plain_ring to;
    for (auto _ : state) {
        to.append(record);
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}

void append(benchmark::State& state)
{
    ring to(1);
    const auto batch = state.range(0);
    std::int64_t pending = 0;
    for (auto _ : state) {
        to.set(0);
        if (++pending == batch) {
            to.writer().commit();
            pending = 0;
        }
    }
    state.SetItemsProcessed(state.iterations());
}

/// So many hundredths of the ring are alive, and have to be carried on before they are overwritten.
void append_and_carry(benchmark::State& state)
{
    ring to(keys_for(state.range(0)));
    for (std::uint64_t i = 0; i != 2 * capacity / to.record_size(); ++i)
        to.set(0); // around the ring
    const auto before = to.writer().statistics().carried;
    for (auto _ : state) {
        to.set(0);
        to.writer().commit();
    }
    state.SetItemsProcessed(state.iterations());
    state.counters["carried bytes each"] =
        benchmark::Counter(static_cast<double>(to.writer().statistics().carried - before),
                           benchmark::Counter::kAvgIterations);
}

void copy_out_of_ring(benchmark::State& state)
{
    ring same(1);
    std::vector<std::byte> record(same.record_size());
    const plain_ring from;
    std::uint64_t at = 0;
    for (auto _ : state) {
        at += record.size();
        if (at + record.size() > capacity)
            at = 0;
        std::memcpy(record.data(), from.bytes.data() + at, record.size());
        benchmark::DoNotOptimize(record.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations());
}

void read(benchmark::State& state)
{
    ring of(1);
    for (std::uint64_t i = 0; i != 2 * capacity / of.record_size(); ++i)
        of.set(0);
    of.writer().commit();
    auto in = *journal::reader::open(of.writer().region());
    for (auto _ : state) {
        auto got = in.next_event(name_space);
        if (got == journal::read_result::none) {
            in.seek(in.tail());
            got = in.next_event(name_space);
        }
        if (got != journal::read_result::got)
            state.SkipWithError("it cannot be read");
        for (const auto& change : in.record().changes)
            benchmark::DoNotOptimize(change.after->data());
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(copy_into_ring);
BENCHMARK(append)->ArgName("batch")->Arg(1)->Arg(64);
BENCHMARK(append_and_carry)->ArgName("alive %")->Arg(1)->Arg(25)->Arg(40);
BENCHMARK(copy_out_of_ring);
BENCHMARK(read);

} // namespace

BENCHMARK_MAIN();
