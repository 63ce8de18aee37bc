#pragma once

#include <zproc/value.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zproc {

namespace detail {

/// Thrown by a draft at the first touch of a key it was not given. Not derived from
/// `std::exception`, so that ordinary handlers let it pass.
struct draft_restart {};

/// What is known of a namespace before an atomic function runs; kept and added to between its
/// runs.
class draft_source {
public:
    struct entry {
        cow<value> content;         // of a key that exists
        std::uint64_t revision = 0; // of its last modification; 0: there is no such key
    };

    /// Notes a key as fetched; without `content` as absent.
    void put(std::string_view key, std::optional<value> content, std::uint64_t revision);

    /// From now on every key not `put` is known to be absent.
    void put_all(std::uint64_t namespace_revision);

    void clear();

    /// nullptr: not fetched.
    const entry* find(std::string_view key) const;

    bool complete() const noexcept { return complete_; }
    std::uint64_t revision() const noexcept { return revision_; }
    const std::map<std::string, entry, std::less<>>& entries() const noexcept { return entries_; }

private:
    std::map<std::string, entry, std::less<>> entries_;
    bool complete_ = false;
    std::uint64_t revision_ = 0; // of the namespace, if complete
};

/// A read that the result depends on: the key's modification revision, 0 if it was absent.
struct draft_read {
    std::string key;
    std::uint64_t revision = 0;
    bool operator==(const draft_read&) const = default;
};

/// A key's new value; empty: erased.
struct draft_write {
    std::string key;
    std::optional<value> content;
    bool operator==(const draft_write&) const = default;
};

/// A number that is added to whatever a key holds by then; to 0, if there is no such key.
struct draft_addition {
    std::string key;
    value amount;
    bool operator==(const draft_addition&) const = default;
};

struct draft_access;

} // namespace detail

/// The state as an atomic function sees it: a namespace that it may change at will. The changes
/// are applied as one transaction, or, if the function throws, not at all.
///
/// Access is that of `value`: `state["n"] += 1`, `state["a"]["b"] = 2`; a missing key reads as
/// absent and leaves no trace. `auto v = state["x"]` keeps the value of that moment.
///
/// The function may run several times, as keys are fetched when it first touches them: effects
/// belong after the await. It must not swallow exceptions it does not know (`catch (...)` without
/// `throw;`); the draft would notice, and run it again.
///
/// Thread safety: one thread at a time.
/// Object lifetimes: lives as long as one run of the function.
class draft {
public:
    explicit draft(const detail::draft_source& source) : source_(&source) {}

    draft(const draft&) = delete;
    draft& operator=(const draft&) = delete;

    /// Access for reading and writing. Assigning to it does not read the key; nor does adding to
    /// it, once.
    template <key_like K>
    value_ref operator[](const K& key)
    {
        return ref(detail::to_key(key));
    }

    /// The value of `key`, absent if there is none. Valid until the key is changed.
    template <key_like K>
    const value& operator[](const K& key) const
    {
        return look(detail::to_step(key));
    }

    /// The value of `key` as a `T`.
    ///
    /// Errors: as `value::get`; `errc::no_such_key`.
    template <class T = value>
    T get(std::string_view key) const
    {
        if constexpr (!detail::is_optional<T>) {
            if (!contains(key))
                throw system_error(errc::no_such_key, std::string(key));
        }
        return detail::converted_at(key, [&]() -> T { return look(key).template get<T>(); });
    }

    bool contains(std::string_view key) const;

    /// True if there was something to erase.
    bool erase(std::string_view key);

    // What follows takes in the whole namespace.
    std::size_t size() const { return items().size(); }
    bool empty() const { return items().empty(); }
    std::vector<std::string> keys() const;
    std::vector<value> values() const { return items().values(); }
    void clear();

    /// All keys and values as they are now; a copy that later changes leave alone.
    dict items() const;

    /// Iterates over the keys and values there were at `begin()`: the draft may be changed
    /// meanwhile.
    class iterator;
    iterator begin() const;
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    friend class value_ref;
    friend struct detail::draft_access;

    struct entry {
        std::optional<detail::cow<value>> content; // empty: erased
    };

    value_ref ref(std::string key);
    const value& look(std::string_view key) const;
    void note_read(std::string_view key) const;
    [[noreturn]] void restart(std::string_view key) const;
    void scan() const;
    void assign(const std::string& key, value content);
    bool add(const std::string& key, const value& amount, bool negative);
    value& open(const std::string& key);

    const detail::draft_source* source_;
    std::map<std::string, entry, std::less<>> written_;
    std::map<std::string, value, std::less<>> added_; // to keys that are neither known nor written
    mutable std::map<std::string, std::uint64_t, std::less<>> reads_;
    mutable bool scanned_ = false;
    mutable std::optional<std::string> wanted_;
    mutable bool wants_all_ = false;
};

/// Walks a copy of the draft's items.
class draft::iterator {
public:
    using value_type = dict::value_type;
    using difference_type = std::ptrdiff_t;
    using reference = const value_type&;
    using pointer = const value_type*;
    using iterator_category = std::input_iterator_tag;

    reference operator*() const { return *at_; }
    pointer operator->() const { return &*at_; }
    iterator& operator++()
    {
        ++at_;
        return *this;
    }
    void operator++(int) { ++at_; }
    bool operator==(std::default_sentinel_t) const { return at_ == items_.end(); }

private:
    friend class draft;
    explicit iterator(dict items) : items_(std::move(items)), at_(items_.begin()) {}

    dict items_; // copies share the map, so `at_` stays valid in copies of this iterator
    dict::const_iterator at_;
};

namespace detail {

/// What a run of an atomic function has left in its draft; for the library.
struct draft_access {
    /// True if the run must be repeated, also when its function ended without saying so: its
    /// outcome counts for nothing.
    static bool must_restart(const draft& from) noexcept;

    /// The key to fetch before the next run, if one was missing.
    static const std::optional<std::string>& wanted(const draft& from) noexcept;

    /// True if all items are to be fetched before the next run.
    static bool wants_all(const draft& from) noexcept;

    /// True if the outcome depends on the whole namespace: validate `draft_source::revision()`.
    static bool scanned(const draft& from) noexcept;

    /// What the outcome depends on; when `scanned`, nothing beyond that.
    static std::vector<draft_read> reads(const draft& from);

    /// What to write: only keys whose value differs from what was read, and those assigned
    /// without reading.
    static std::vector<draft_write> writes(const draft& from);

    /// What to add to keys that were neither read nor written. Where it cannot be added, the
    /// function is to be run again with that key: it throws then, or finds another way.
    static std::vector<draft_addition> additions(const draft& from);
};

} // namespace detail
} // namespace zproc
