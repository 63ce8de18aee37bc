#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zproc::client {

/// Contents by key. Dense: the entries lie in one array, in no order that means anything, beside
/// an index of 8 bytes a place. So a look-up touches two cache lines, and allocates nothing.
///
/// Entries stay where they are until one is inserted or erased. Strong exception safety.
template <class T>
class key_table {
public:
    struct entry {
        std::string key;
        T content{};
    };

    entry* find(std::string_view key) noexcept
    {
        const auto at = place_of(key, hash(key));
        return at == nowhere ? nullptr : &entries_[places_[at].index];
    }

    /// The content of a key, which is made if there is none.
    T& operator[](std::string_view key)
    {
        const auto hashed = hash(key);
        if (const auto at = place_of(key, hashed); at != nowhere)
            return entries_[places_[at].index].content;
        if (2 * (entries_.size() + 1) > places_.size())
            spread(places_.empty() ? smallest : 2 * places_.size());
        entries_.push_back({std::string(key), T{}});
        settle({hashed, static_cast<std::uint32_t>(entries_.size() - 1)});
        return entries_.back().content;
    }

    bool erase(std::string_view key) noexcept
    {
        auto at = place_of(key, hash(key));
        if (at == nowhere)
            return false;
        const auto index = places_[at].index;
        vacate(at);
        if (const auto last = static_cast<std::uint32_t>(entries_.size() - 1); index != last) {
            at = hash(entries_.back().key) & mask();
            while (places_[at].index != last)
                at = (at + 1) & mask();
            places_[at].index = index;
            entries_[index] = std::move(entries_.back());
        }
        entries_.pop_back();
        return true;
    }

    void clear() noexcept
    {
        entries_.clear();
        places_.assign(places_.size(), {});
    }

    std::size_t size() const noexcept { return entries_.size(); }
    auto begin() noexcept { return entries_.begin(); }
    auto end() noexcept { return entries_.end(); }
    auto begin() const noexcept { return entries_.begin(); }
    auto end() const noexcept { return entries_.end(); }

private:
    static constexpr std::uint32_t vacant = ~std::uint32_t{0};
    static constexpr std::size_t nowhere = ~std::size_t{0};
    static constexpr std::size_t smallest = 16;

    struct place {
        std::uint32_t hash = 0;
        std::uint32_t index = vacant; ///< of its entry
    };

    static std::uint32_t hash(std::string_view key) noexcept
    {
        return static_cast<std::uint32_t>(std::hash<std::string_view>()(key));
    }
    std::size_t mask() const noexcept { return places_.size() - 1; }

    std::size_t place_of(std::string_view key, std::uint32_t hashed) const noexcept
    {
        if (entries_.empty())
            return nowhere;
        for (auto at = hashed & mask();; at = (at + 1) & mask()) {
            const place& here = places_[at];
            if (here.index == vacant)
                return nowhere;
            if (here.hash == hashed && entries_[here.index].key == key)
                return at;
        }
    }

    void settle(place what) noexcept
    {
        auto at = what.hash & mask();
        while (places_[at].index != vacant)
            at = (at + 1) & mask();
        places_[at] = what;
    }

    /// Whoever was pushed on by this place moves back, so that no search stops too early.
    void vacate(std::size_t at) noexcept
    {
        for (auto next = (at + 1) & mask(); places_[next].index != vacant;
             next = (next + 1) & mask()) {
            const auto wanted = places_[next].hash & mask();
            if (((next - wanted) & mask()) >= ((next - at) & mask())) {
                places_[at] = places_[next];
                at = next;
            }
        }
        places_[at] = {};
    }

    void spread(std::size_t count)
    {
        std::vector<place> more(count);
        more.swap(places_);
        for (const place& each : more)
            if (each.index != vacant)
                settle(each);
    }

    std::vector<entry> entries_;
    std::vector<place> places_; ///< a power of two, at most half of them taken
};

} // namespace zproc::client
