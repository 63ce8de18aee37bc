#pragma once

#include "client/key_table.hpp"
#include "journal/reader.hpp"

#include <zproc/value.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::client {

/// One namespace, as a journal tells it. Pure.
///
/// A *scan* reads the ring from its tail, and then holds everything: the last record of a key by
/// position wins. From there on it reads what is new. When the writer has lapped it, in a scan or
/// after, what it holds may lack an erasure: it forgets everything, and scans again.
///
/// Nothing in it points into the ring.
class replica {
public:
    explicit replica(std::string name_space) : name_space_(std::move(name_space)) {}

    const std::string& name_space() const noexcept { return name_space_; }

    /// Goes on in this ring: where it was, if that was copied from the ring it was in, else by a
    /// scan.
    void enter(journal::reader ring);

    /// Nothing has been published that it has not seen. Two loads.
    bool current() const noexcept { return complete_ && ring_->where() == ring_->head(); }

    enum class progress {
        more,    ///< of step() only
        current, ///< it has seen everything that was published before the call
        overrun, ///< lapped too often; it goes on at the next call
        damaged, ///< the ring is not to be trusted
    };

    /// Reads up to the head. It has entered a ring.
    progress catch_up();
    /// Reads one record of the namespace, on the way to a head.
    progress step();

    // What it holds, whether current or not.
    std::uint64_t revision() const noexcept { return revision_; }
    std::size_t size() const noexcept { return items_.size(); }

    /// The value of a key, or null; valid until the next change of what is held. A value is
    /// decoded once, when it is first asked for.
    ///
    /// Throws `system_error`: what is wrong with the value.
    const value* find(std::string_view key);

    /// The revision in which the key was last written; 0 for an absent one.
    std::uint64_t modified(std::string_view key) noexcept;

    std::vector<std::string> keys() const;

    /// Throws as `find`.
    dict items();

    /// How many scans were begun.
    std::uint64_t scans() const noexcept { return scans_; }

private:
    struct item {
        value content;
        std::vector<std::byte> encoded; ///< empty once `content` is it
        std::uint64_t modified = 0;
    };
    using entry = key_table<item>::entry;

    void begin_scan() noexcept;
    bool apply(const journal::record_view& record);
    static void put(item& into, std::span<const std::byte> bytes);
    static const value& read(entry& from);

    std::string name_space_;
    std::optional<journal::reader> ring_;
    key_table<item> items_;
    std::uint64_t revision_ = 0;
    bool complete_ = false; ///< a scan has come to its end

    journal::position goal_ = 0;
    int laps_ = 0; ///< since the last call of catch_up()
    std::uint64_t scans_ = 0;
};

} // namespace zproc::client
