#pragma once

#include <zproc/error.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// What the server computes with encoded values, without building them.
namespace zproc::store {

/// Of an encoded one.
inline constexpr std::size_t longest_number = 9;

/// Appends `left + right` (minus, when `negative`) to `out`; absent counts as 0. An integer and a
/// double make a double. Errors: type_mismatch, arithmetic_overflow.
error_code add_numbers(std::optional<std::span<const std::byte>> left,
                       std::span<const std::byte> right, bool negative,
                       std::vector<std::byte>& out);

/// Appends the list with one element more to `out`; absent counts as empty. `length` is the new
/// one. Errors: type_mismatch, too_large (beyond what a list can count).
error_code append_element(std::optional<std::span<const std::byte>> list,
                          std::span<const std::byte> element, std::vector<std::byte>& out,
                          std::uint64_t& length);

} // namespace zproc::store
