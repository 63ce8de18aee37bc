#include "journal/crc32c.hpp"

#include "journal/bytes.hpp"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace zproc::journal {

namespace {

constexpr std::uint32_t polynomial = 0x82f63b78; // reflected

using table = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: the effect of byte b followed by k zero bytes, so that 8 bytes are one step.
constexpr table make_tables()
{
    table tables{};
    for (std::uint32_t b = 0; b != 256; ++b) {
        std::uint32_t crc = b;
        for (int bit = 0; bit != 8; ++bit)
            crc = (crc >> 1) ^ ((crc & 1) != 0 ? polynomial : 0);
        tables[0][b] = crc;
    }
    for (std::size_t k = 1; k != 8; ++k)
        for (std::size_t b = 0; b != 256; ++b)
            tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xff];
    return tables;
}

constexpr table tables = make_tables();

#if defined(__x86_64__)

// The instruction takes three cycles and one can start in each: long inputs go in three lanes,
// whose sums are joined by a table that appends `lane` zero bytes to a sum.
constexpr std::size_t lane = 1024;

constexpr std::uint32_t append_zeros(std::uint32_t crc)
{
    for (std::size_t i = 0; i != lane; ++i)
        crc = (crc >> 8) ^ tables[0][crc & 0xff];
    return crc;
}

using shift_table = std::array<std::array<std::uint32_t, 256>, 4>;

// The shift is linear: 32 columns give all of it.
constexpr shift_table make_shift()
{
    std::array<std::uint32_t, 32> columns{};
    for (std::size_t bit = 0; bit != 32; ++bit)
        columns[bit] = append_zeros(std::uint32_t{1} << bit);
    shift_table shift{};
    for (std::size_t byte = 0; byte != 4; ++byte)
        for (std::size_t value = 0; value != 256; ++value)
            for (std::size_t bit = 0; bit != 8; ++bit)
                if ((value >> bit & 1) != 0)
                    shift[byte][value] ^= columns[byte * 8 + bit];
    return shift;
}

constexpr shift_table shift = make_shift();

std::uint64_t shifted(std::uint64_t crc)
{
    return shift[0][crc & 0xff] ^ shift[1][crc >> 8 & 0xff] ^ shift[2][crc >> 16 & 0xff] ^
           shift[3][crc >> 24 & 0xff];
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(const std::byte* at, std::size_t size,
                                                             std::uint32_t before)
{
    std::uint64_t crc = ~before;
    for (; size >= 3 * lane; size -= 3 * lane, at += 3 * lane) {
        std::uint64_t second = 0;
        std::uint64_t third = 0;
        for (std::size_t i = 0; i != lane; i += 8) {
            crc = _mm_crc32_u64(crc, load<std::uint64_t>(at + i));
            second = _mm_crc32_u64(second, load<std::uint64_t>(at + lane + i));
            third = _mm_crc32_u64(third, load<std::uint64_t>(at + 2 * lane + i));
        }
        crc = shifted(shifted(crc) ^ second) ^ third;
    }
    for (; size >= 8; size -= 8, at += 8)
        crc = _mm_crc32_u64(crc, load<std::uint64_t>(at));
    auto narrow = static_cast<std::uint32_t>(crc);
    for (; size != 0; --size, ++at)
        narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(*at));
    return ~narrow;
}

// A copy and its sum at once, each step of which waits for the one before: for records that are too
// short for lanes.
constexpr std::size_t longest_at_once = 1024;

__attribute__((target("sse4.2"))) std::uint32_t copy_with_sse42(const std::byte* from,
                                                                std::span<std::uint64_t> to)
{
    to[0] = load_word(from);
    std::uint64_t crc = _mm_crc32_u32(~std::uint32_t{0}, static_cast<std::uint32_t>(to[0]));
    for (std::size_t i = 1; i != to.size(); ++i) {
        const std::uint64_t word = load_word(from + 8 * i);
        to[i] = word;
        crc = _mm_crc32_u64(crc, word);
    }
    return ~static_cast<std::uint32_t>(crc);
}

bool has_sse42() noexcept
{
    static const bool has = (__builtin_cpu_init(), __builtin_cpu_supports("sse4.2") != 0);
    return has;
}

#endif

void copy_words(const std::byte* from, std::span<std::uint64_t> to)
{
    for (std::size_t i = 0; i != to.size(); ++i)
        to[i] = load_word(from + 8 * i);
}

} // namespace

std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t before) noexcept
{
    std::uint32_t crc = ~before;
    const std::byte* at = bytes.data();
    std::size_t size = bytes.size();
    for (; size >= 8; size -= 8, at += 8) {
        const auto word = load<std::uint64_t>(at) ^ crc;
        crc = 0;
        for (std::size_t k = 0; k != 8; ++k)
            crc ^= tables[7 - k][word >> (8 * k) & 0xff];
    }
    for (; size != 0; --size, ++at)
        crc = (crc >> 8) ^ tables[0][(crc ^ std::to_integer<std::uint32_t>(*at)) & 0xff];
    return ~crc;
}

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before) noexcept
{
#if defined(__x86_64__)
    if (has_sse42())
        return crc32c_sse42(bytes.data(), bytes.size(), before);
#endif
    return crc32c_portable(bytes, before);
}

std::uint32_t copy_with_crc32c(const std::byte* from, std::span<std::uint64_t> to) noexcept
{
#if defined(__x86_64__)
    if (to.size_bytes() <= longest_at_once && has_sse42())
        return copy_with_sse42(from, to);
#endif
    copy_words(from, to);
    const auto bytes = std::as_bytes(to);
    return crc32c(bytes.subspan(8), crc32c(bytes.first(4)));
}

std::uint32_t copy_with_crc32c_portable(const std::byte* from, std::span<std::uint64_t> to) noexcept
{
    copy_words(from, to);
    const auto bytes = std::as_bytes(to);
    return crc32c_portable(bytes.subspan(8), crc32c_portable(bytes.first(4)));
}

} // namespace zproc::journal
