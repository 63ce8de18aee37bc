#include "journal/bytes.hpp"
#include "journal/crc32c.hpp"
#include "journal/encode.hpp"
#include "journal/mirror.hpp"
#include "journal/reader.hpp"
#include "journal/recovery.hpp"
#include "oracle.hpp"
#include "protocol/stream_messages.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

// What a server streams, from anybody: bodies of stream_begun and stream_piece become a mirror,
// which is read as any ring is. By the first byte the bodies are taken as they are, or made of
// records that hold, of whatever lengths.

using namespace zproc;

namespace {

using fuzz::require;
using fuzz::touch;

constexpr std::uint64_t largest = 1u << 15;

std::size_t touch(const journal::record_view& record)
{
    std::size_t sum = touch(std::as_bytes(std::span(record.name_space))) + touch(record.reply);
    for (const journal::change_view& change : record.changes) {
        sum += touch(std::as_bytes(std::span(change.key))) + touch(change.before_bytes);
        if (change.after)
            sum += touch(*change.after);
    }
    return sum;
}

struct input {
    std::span<const std::byte> rest;

    std::span<const std::byte> take(std::size_t most)
    {
        const auto taken = rest.first(std::min(most, rest.size()));
        rest = rest.subspan(taken.size());
        return taken;
    }
    std::uint64_t number(std::size_t bytes)
    {
        std::uint64_t out = 0;
        const auto taken = take(bytes);
        std::memcpy(&out, taken.data(), taken.size());
        return out;
    }
    /// What follows its size of two bytes.
    std::span<const std::byte> body() { return take(number(2)); }
};

struct copy {
    copy(const journal::ring_header& header, journal::position from)
        : words(journal::region_size(header.capacity) / 8),
          records(std::as_writable_bytes(std::span(words)), header, from),
          reader(*journal::reader::open(region()))
    {
    }
    std::span<const std::byte> region() const { return std::as_bytes(std::span(words)); }

    std::vector<std::uint64_t> words;
    journal::mirror records;
    journal::reader reader; ///< follows, or is lapped
};

/// As a client believes it.
std::optional<copy> begin_mirror(std::span<const std::byte> body)
{
    protocol::stream_begun m;
    if (protocol::decode(body, m).failed() || m.capacity % 8 != 0 ||
        m.capacity < journal::smallest_capacity || m.capacity > largest || m.from % 8 != 0 ||
        m.head < m.from)
        return std::nullopt;
    journal::ring_header header;
    header.epoch = m.epoch;
    header.capacity = m.capacity;
    header.commit = m.commit;
    header.moved = {m.previous_epoch, m.moved_tail, m.moved_wrap, m.moved_pad, m.moved_head};
    return std::make_optional<copy>(header, m.from);
}

bool add(journal::mirror& to, std::span<const std::byte> body)
{
    protocol::stream_piece m;
    if (protocol::decode(body, m).failed())
        return false;
    const auto head = to.head();
    const bool done = to.append({m.at, m.end, m.records});
    require(to.head() == (done ? m.end : head));
    require(to.tail() <= to.head() && to.head() - to.tail() <= to.header().capacity);
    return done;
}

protocol::buffer shaped_begun(input& from)
{
    protocol::stream_begun m;
    m.epoch = 1 + from.number(1);
    m.capacity = journal::smallest_capacity + from.number(1) % 64 * 8;
    m.from = from.number(2) / 8 * 8;
    m.head = m.from + from.number(2);
    protocol::buffer out;
    protocol::encode(out, m);
    return out;
}

/// Records that follow, as far as the bytes go; a pad where the next would not fit, or is called
/// one.
protocol::buffer shaped_piece(const journal::mirror& to, std::span<const std::byte> body)
{
    const auto capacity = to.header().capacity;
    std::vector<std::byte> records(body.begin(), body.end());
    records.resize(records.size() / 8 * 8);
    protocol::stream_piece m;
    m.at = m.end = to.head();
    std::size_t seen = 0;
    while (records.size() - seen >= journal::smallest_pad) {
        const auto left = capacity - m.end % capacity;
        auto* const record = records.data() + seen;
        const auto word = journal::load<std::uint32_t>(record);
        std::uint64_t size = word;
        if (size < journal::at_record::body || size % 8 != 0)
            size = (word % 512 + journal::at_record::body) / 8 * 8;
        if (size > left || ((word & journal::padding_mark) != 0 && left != capacity)) {
            journal::save(record, journal::encode_pad(m.end, left));
            m.end += left;
            seen += journal::smallest_pad;
            break;
        }
        if (size > records.size() - seen)
            break;
        journal::save(record, static_cast<std::uint32_t>(size));
        journal::save(record + journal::at_record::position, m.end);
        const auto bytes = std::span<const std::byte>(records).subspan(seen, size);
        journal::save(record + journal::at_record::crc,
                      journal::crc32c(bytes.subspan(8), journal::crc32c(bytes.first(4))));
        m.end += size;
        seen += size;
        if (size == left)
            break;
    }
    m.records = std::span<const std::byte>(records).first(seen);
    protocol::buffer out;
    protocol::encode(out, m);
    return out;
}

std::size_t follow(copy& c, unsigned how)
{
    std::size_t sum = 0;
    // Each step passes a record or is the last: one that is never done would read for ever.
    for (auto steps = c.region().size() / 8 + 2;; --steps) {
        require(steps != 0);
        const auto result = how == 0   ? c.reader.next()
                            : how == 1 ? c.reader.next("n")
                                       : c.reader.next_event("n");
        if (result == journal::read_result::lapped)
            continue;
        if (result != journal::read_result::got)
            return sum;
        require(c.reader.where() <= c.records.head());
        sum += touch(c.reader.record());
    }
}

/// Everything that there is to ask of a ring.
std::size_t examine(copy& c, std::uint64_t where)
{
    std::size_t sum = 0;
    for (unsigned how = 0; how != 3; ++how) {
        c.reader.seek(how == 0 ? c.records.tail() : where);
        sum += follow(c, how);
    }
    if (const auto found = c.reader.find("n", where % 8))
        sum += found->latest;
    if (const auto oldest = c.reader.oldest())
        require(oldest->at >= c.records.tail() && oldest->at < c.records.head());
    std::vector<std::byte> out;
    if (c.reader.fetch({where, static_cast<std::uint32_t>(where % 4096)}, out))
        sum += touch(out);
    journal::scan(c.region(), [&sum](const journal::record_view& record) { sum += touch(record); });
    return sum;
}

/// Where the mirror is a whole ring it can be streamed on, and is the same again.
void pass_on(const copy& c, std::uint64_t most)
{
    std::vector<std::uint64_t> words(c.words.size());
    journal::writer ring(std::as_writable_bytes(std::span(words)), {});
    if (!journal::replicate(c.region(), ring))
        return;
    const auto from = ring.tail() + most / 8 * 8;
    const bool boundary = journal::is_boundary(ring, from);
    copy again(ring.header(), boundary ? from : ring.tail());
    while (const auto next = journal::next_piece(ring, again.records.head(), most)) {
        protocol::buffer body;
        protocol::encode(body, protocol::stream_piece{next->at, next->end, next->bytes});
        require(add(again.records, body));
    }
    require(again.records.head() == ring.head());
    require(journal::scan(again.region(), [](const auto&) {}).complete);
}

} // namespace

// Byte 0: what to do; two bytes: where to read from; then bodies: one of stream_begun, any number
// of stream_piece.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    if (size < 3)
        return 0;
    const unsigned what = data[0];
    input from{std::as_bytes(std::span(data, size)).subspan(1)};
    const auto seek = from.number(2);
    const bool shaped = (what & 1u) != 0;
    auto made = shaped ? begin_mirror(shaped_begun(from)) : begin_mirror(from.body());
    if (!made)
        return 0;
    std::size_t sum = 0;
    while (!from.rest.empty()) {
        const auto body = from.body();
        if (!add(made->records, shaped ? shaped_piece(made->records, body)
                                       : protocol::buffer(body.begin(), body.end())))
            break;
        if ((what & 2u) != 0) // else it is lapped sooner or later
            sum += follow(*made, what >> 2 & 3u);
    }
    sum += examine(*made, made->records.tail() + seek);
    pass_on(*made, seek);
    volatile std::size_t keep = sum;
    static_cast<void>(keep);
    return 0;
}
