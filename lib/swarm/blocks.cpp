#include "swarm/blocks.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include <fcntl.h>

namespace zproc::swarming {

namespace {

constexpr std::size_t smallest = std::size_t{64} << 10;
constexpr std::size_t largest = std::size_t{1} << 40;

} // namespace

std::size_t block_size(std::size_t bytes) noexcept
{
    return bytes > largest ? 0 : std::bit_ceil(std::max(bytes, smallest));
}

made_block make_block(std::uint32_t id, std::size_t size) noexcept
{
    return {id, make_sealed_file("zproc swarm", size)};
}

std::shared_ptr<block_pool::borrowed> block_pool::acquire(std::size_t bytes) noexcept
try {
    const auto size = block_size(bytes);
    if (size == 0)
        return nullptr;
    made_block found;
    std::uint32_t id = 0;
    {
        const std::lock_guard lock(mutex_);
        if (const auto idle = idle_.find(size); idle != idle_.end()) {
            found = std::move(idle->second);
            idle_.erase(idle);
            idle_bytes_ -= size;
        } else {
            id = ++last_id_;
        }
    }
    if (id != 0)
        found = make_block(id, size);
    if (!found.memory)
        return nullptr;
    return std::make_shared<borrowed>(shared_from_this(), std::move(found));
} catch (const std::bad_alloc&) {
    return nullptr;
}

void block_pool::give_back(made_block block) noexcept
try {
    const std::lock_guard lock(mutex_);
    const auto size = block.size();
    if (idle_bytes_ + size > most_idle) {
        forgotten_.push_back(block.id);
        return;
    }
    idle_bytes_ += size;
    idle_.emplace(size, std::move(block));
} catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): it is not used again
}

std::vector<std::uint32_t> block_pool::take_forgotten()
{
    const std::lock_guard lock(mutex_);
    return std::exchange(forgotten_, {});
}

bool block_table::add(std::uint32_t id, std::uint64_t size, const descriptor& file)
{
    if (id == 0 || blocks_.contains(id) || blocks_.size() >= most)
        return false;
    // Who could shrink it could end its readers by SIGBUS.
    const int seals = ::fcntl(file.get(), F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0)
        return false;
    auto mapped = mapped_memory::readable(file.get(), true);
    if (!mapped || mapped.bytes().size() != size)
        return false;
    blocks_.emplace(id, std::move(mapped));
    return true;
}

std::string_view block_table::view(std::uint32_t id, std::uint64_t offset,
                                   std::uint64_t length) const
{
    const auto found = blocks_.find(id);
    if (found == blocks_.end())
        return {};
    const auto bytes = found->second.bytes();
    if (offset > bytes.size() || length > bytes.size() - offset)
        return {};
    return {reinterpret_cast<const char*>(bytes.data()) + offset, static_cast<std::size_t>(length)};
}

} // namespace zproc::swarming
