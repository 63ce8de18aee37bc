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

/// Copies a record, or what may be one, from where its writer may be storing meanwhile, word by
/// word; returns the CRC-32C of all of it but its own CRC, of bytes [0, 4) and [8, size). For what
/// is short, both take as long as one of them. `to` is not empty.
std::uint32_t copy_with_crc32c(const std::byte* from, std::span<std::uint64_t> to) noexcept;

/// The same without that instruction.
std::uint32_t copy_with_crc32c_portable(const std::byte* from,
                                        std::span<std::uint64_t> to) noexcept;

} // namespace zproc::journal
