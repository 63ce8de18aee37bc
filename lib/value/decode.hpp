#pragma once

#include "value/msgpack.hpp"

#include <zproc/error.hpp>
#include <zproc/value.hpp>

#include <cstddef>
#include <limits>
#include <optional>
#include <span>

namespace zproc {

/// A value as the server has it: within the limits that it keeps, whatever they are.
inline error_code decode_any(std::span<const std::byte> encoded, value& out)
{
    return msgpack::decode(encoded, out, {64, std::numeric_limits<std::size_t>::max()});
}

/// The same; empty when the bytes are no value.
inline std::optional<value> decode_any(std::span<const std::byte> encoded)
{
    value v;
    if (decode_any(encoded, v))
        return std::nullopt;
    return v;
}

} // namespace zproc
