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
void describe(const journal::record_view& record, event& out);

/// One of them, to the end of `out`. `scratch` is for values that have to be fetched.
void add_change(const journal::change_view& from, const fetch_value& fetch,
                std::vector<std::byte>& scratch, change_list& out);

} // namespace zproc::store
