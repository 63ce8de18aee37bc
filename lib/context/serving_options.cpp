#include "context/serving_options.hpp"

#include <algorithm>

namespace zproc::detail {

namespace {

std::uint32_t narrow(std::size_t number, std::uint32_t most)
{
    return static_cast<std::uint32_t>(std::min<std::size_t>(number, most));
}

} // namespace

serving::host_options serving_options(const context_options& options)
{
    constexpr std::uint32_t largest = 1u << 30; // of what a client accepts in one frame
    constexpr std::uint32_t deepest = 64;       // what every client reads
    const auto& given = options.limits();
    serving::host_options to;
    to.fsync = options.fsync();
    to.salvage = options.salvages();
    to.busy_poll = std::clamp<std::int64_t>(options.busy_poll().count(), 0, 1'000'000'000);
    to.ring_capacity = options.journal_size();
    to.largest_capacity = std::max(given.journal_bytes, options.journal_size());
    to.limits.value_bytes = narrow(given.value_bytes, largest / 2);
    // A value has to fit into a request.
    to.limits.request_bytes =
        std::max(narrow(given.request_bytes, largest), to.limits.value_bytes + (64u << 10));
    to.limits.key_bytes = narrow(given.key_bytes, largest / 2);
    to.limits.depth = narrow(given.depth, deepest);
    to.connections = given.connections;
    to.session_expiry = given.session_expiry.count();
    to.waiting_output = given.waiting_bytes;
    to.read_within = given.read_within.count();
    to.strangers = std::max<std::size_t>(given.strangers, 1);
    to.hello_within = given.handshake_within.count();
    to.failed_handshakes = std::clamp(given.failed_handshakes, 1u, 1000u);
    return to;
}

} // namespace zproc::detail
