#pragma once

#include "value/msgpack.hpp"

#include <zproc/error.hpp>
#include <zproc/value.hpp>

#include <cstddef>
#include <limits>
#include <span>

namespace zproc::client {

/// A value as the server has it: within the limits that it keeps, whatever they are.
inline error_code decode_any(std::span<const std::byte> bytes, value& out)
{
    return msgpack::decode(bytes, out, {64, std::numeric_limits<std::size_t>::max()});
}

} // namespace zproc::client
