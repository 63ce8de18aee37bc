#pragma once

#include "protocol/layout.hpp"

#include <atomic>
#include <cstring>
#include <optional>

/// One page that outlives the rings: which one counts now. State processes map it for writing, all
/// others for reading only. Its layout is in doc/protocol.md.
namespace zproc::protocol {

inline constexpr std::size_t control_page_bytes = 4096;
inline constexpr std::string_view control_magic = "ZPROCC\r\n";

namespace at_control {
inline constexpr std::size_t magic = 0;
inline constexpr std::size_t version = 8;
inline constexpr std::size_t instance = 16;
// A cache line of their own; the generation is stored last, and announces the others.
inline constexpr std::size_t generation = 64;
inline constexpr std::size_t epoch = 72;
inline constexpr std::size_t ended = 80; // 1: the state was stopped, and has no successor yet
} // namespace at_control

static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

/// Prepares a zeroed page. Generation 0: no ring yet.
inline void format_control_page(std::span<std::byte> page, const instance_id& instance)
{
    const std::uint32_t layout = 1;
    std::memcpy(page.data() + at_control::magic, control_magic.data(), control_magic.size());
    std::memcpy(page.data() + at_control::version, &layout, sizeof layout);
    std::memcpy(page.data() + at_control::instance, instance.data(), instance.size());
}

/// The instance a page stands for; nothing when it is no such page.
inline std::optional<instance_id> control_instance(std::span<const std::byte> page)
{
    std::uint32_t layout = 0;
    if (page.size() < control_page_bytes ||
        std::memcmp(page.data(), control_magic.data(), control_magic.size()) != 0)
        return std::nullopt;
    std::memcpy(&layout, page.data() + at_control::version, sizeof layout);
    if (layout != 1)
        return std::nullopt;
    instance_id id;
    std::memcpy(id.data(), page.data() + at_control::instance, id.size());
    return id;
}

namespace detail {
inline std::atomic_ref<std::uint64_t> control_word(std::span<const std::byte> page, std::size_t at)
{
    // Loads alone never write, whatever atomic_ref wants to be able to.
    return std::atomic_ref(
        *reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(page.data()) + at));
}
} // namespace detail

inline std::uint64_t control_generation(std::span<const std::byte> page)
{
    return detail::control_word(page, at_control::generation).load(std::memory_order_acquire);
}

inline std::uint64_t control_epoch(std::span<const std::byte> page)
{
    return detail::control_word(page, at_control::epoch).load(std::memory_order_acquire);
}

/// Nothing will be committed any more, unless a successor is started after all. A state process
/// that is killed cannot say so.
inline bool control_ended(std::span<const std::byte> page)
{
    return detail::control_word(page, at_control::ended).load(std::memory_order_acquire) != 0;
}

inline void announce_end(std::span<std::byte> page)
{
    detail::control_word(page, at_control::ended).store(1, std::memory_order_release);
}

/// From here on the ring of that epoch counts.
inline void announce(std::span<std::byte> page, std::uint64_t epoch, std::uint64_t generation)
{
    detail::control_word(page, at_control::epoch).store(epoch, std::memory_order_release);
    detail::control_word(page, at_control::ended).store(0, std::memory_order_release);
    detail::control_word(page, at_control::generation).store(generation, std::memory_order_release);
}

} // namespace zproc::protocol
