#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace zproc::journal {

/// CRC-32C (Castagnoli polynomial, as in RFC 3720), of `bytes` after what gave `before`.
/// Uses the processor's instruction where there is one.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

/// The same without that instruction.
std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t before = 0) noexcept;

} // namespace zproc::journal
