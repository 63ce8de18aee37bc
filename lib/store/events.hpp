#pragma once

#include "journal/record.hpp"

#include <zproc/event.hpp>

#include <cstddef>
#include <functional>
#include <vector>

namespace zproc::store {

/// Copies a value out of the ring that a record refers to; false when it is gone.
using fetch_value = std::function<bool(journal::value_place, std::vector<std::byte>&)>;

/// What a record says of itself; the changes are the caller's to choose.
event event_of(const journal::record_view& record);

/// One of them. `scratch` is for values that have to be fetched.
change change_of(const journal::change_view& from, const fetch_value& fetch,
                 std::vector<std::byte>& scratch);

} // namespace zproc::store
