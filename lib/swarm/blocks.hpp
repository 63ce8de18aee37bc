#pragma once

#include "descriptor.hpp"
#include "shared_memory.hpp"

#include <zproc/detail/swarm_job.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

namespace zproc::swarming {

/// Up to this size bytes are in frames; above, they are worth a block.
inline constexpr std::size_t largest_inline = std::size_t{32} << 10;

/// Memory that its maker alone can write, and that others map once: of sizes that are used again.
struct made_block {
    std::uint32_t id = 0;
    shared_file memory;

    std::size_t size() const noexcept { return memory.memory.bytes().size(); }
    std::span<char> bytes() const noexcept
    {
        return {reinterpret_cast<char*>(memory.memory.bytes().data()), size()};
    }
};

/// The size of a block that holds so many bytes; 0 when that is too many.
std::size_t block_size(std::size_t bytes) noexcept;
made_block make_block(std::uint32_t id, std::size_t size) noexcept;

/// The owner's blocks, for items. Those given back are kept for the next map, up to a limit.
///
/// Thread safety: any thread.
class block_pool : public std::enable_shared_from_this<block_pool> {
public:
    class borrowed;

    /// Null when there is none to be had.
    std::shared_ptr<borrowed> acquire(std::size_t size) noexcept;
    /// Blocks that have been let go of since the last call: workers should, too.
    std::vector<std::uint32_t> take_forgotten();

    static constexpr std::size_t most_idle = std::size_t{64} << 20;

private:
    void give_back(made_block block) noexcept;

    std::mutex mutex_;
    std::multimap<std::size_t, made_block> idle_;
    std::size_t idle_bytes_ = 0;
    std::vector<std::uint32_t> forgotten_;
    std::uint32_t last_id_ = 0;
};

class block_pool::borrowed final : public detail::swarm_block {
public:
    borrowed(std::shared_ptr<block_pool> from, made_block block)
        : pool_(std::move(from)), block_(std::move(block))
    {
    }
    borrowed(const borrowed&) = delete;
    borrowed& operator=(const borrowed&) = delete;
    ~borrowed() override { pool_->give_back(std::move(block_)); }

    std::span<char> bytes() noexcept override { return block_.bytes(); }
    std::uint32_t id() const noexcept { return block_.id; }
    std::size_t size() const noexcept { return block_.size(); }
    int file() const noexcept { return block_.memory.file.get(); }

private:
    std::shared_ptr<block_pool> pool_;
    made_block block_;
};

/// The blocks of another process, as this one reads them.
class block_table {
public:
    /// False when that is no memory which stays as long as it is: its maker is not to be trusted.
    bool add(std::uint32_t id, std::uint64_t size, const descriptor& file);
    void forget(std::uint32_t id) { blocks_.erase(id); }
    /// Nothing (null data) when these bytes are not there.
    std::string_view view(std::uint32_t id, std::uint64_t offset, std::uint64_t length) const;

    static constexpr std::size_t most = 1024;

private:
    std::map<std::uint32_t, mapped_memory> blocks_;
};

} // namespace zproc::swarming
