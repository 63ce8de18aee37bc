#pragma once

#include "client/instance.hpp"
#include "client/replica.hpp"

#include <zproc/detail/replica_core.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::client {

/// A replica that reads the ring of this host: brings its index up to date at each read, in the
/// ring that counts.
class local_replica final : public detail::replica_core {
public:
    local_replica(std::string name_space, std::shared_ptr<const instance> of, instance::found in);

    /// The first scan, which waits for nothing.
    error_code begin();

    const std::string& name() const noexcept override { return index_.name_space(); }
    const value* find(std::string_view key) override;
    std::size_t size() override;
    std::vector<std::string> keys() override;
    dict items(std::uint64_t& revision) override;
    std::uint64_t revision() override;

private:
    /// The head first, then the generation: what was committed before is in this ring, or the
    /// generation is another one.
    void refresh()
    {
        if (!index_.current() || !of_->counts(generation_)) [[unlikely]]
            catch_up();
    }
    void catch_up();
    void enter(instance::found in);
    [[noreturn]] void fail(error_code ec) const;

    std::shared_ptr<const instance> of_;
    replica index_;
    std::uint64_t generation_ = 0;
    std::shared_ptr<const ring> ring_; ///< where index_ reads
};

} // namespace zproc::client
