#pragma once

#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>
#include <zproc/value.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::detail {

/// A replica on the engine's side. One thread at a time. Each function brings it up to date first,
/// and throws `system_error` when that cannot be.
class replica_core {
public:
    virtual ~replica_core() = default;
    virtual const std::string& name() const noexcept = 0;
    /// Null when there is no such key; valid until the next call.
    virtual const value* find(std::string_view key) = 0;
    virtual std::size_t size() = 0;
    virtual std::vector<std::string> keys() = 0;
    virtual dict items(std::uint64_t& revision) = 0;
    virtual std::uint64_t revision() = 0;
};

/// A replica being opened, with the user's handler inside.
struct pending_replica {
    virtual ~pending_replica() = default;
    virtual void complete(const asio::any_io_executor& io, error_code ec,
                          std::unique_ptr<replica_core> opened) = 0;
    virtual asio::cancellation_slot cancellation_slot() const noexcept = 0;
};

} // namespace zproc::detail
