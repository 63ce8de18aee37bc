#pragma once

#include <zproc/detail/engine.hpp>
#include <zproc/detail/replica_core.hpp>
#include <zproc/detail/temporary.hpp>
#include <zproc/error.hpp>
#include <zproc/snapshot.hpp>
#include <zproc/value.hpp>

#include <boost/asio/error.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace zproc {

/// One namespace in this process's memory, read without waiting, and yet as it is now.
///
/// `auto r = co_await state.replica();` makes it. Every read is linearizable on the same host:
/// whatever had been committed anywhere before it began is in what it returns, its own process's
/// completed writes included. It reads the journal in shared memory: no request, and no system
/// call unless the ring was replaced (the journal has grown, or a killed state process has a
/// successor). Then it is fetched from the server, blocking, within the `request_timeout` of the
/// context. While a killed state process has no successor yet, nothing is committed, and reads go
/// on.
///
/// It keeps a copy of the namespace; values are decoded when first read. It does not use the loop
/// it was made on: it works while the loop is busy or blocked, and when loop and context are gone,
/// as long as the state lives.
///
/// Over TCP it reads a copy of the journal in this process: sequentially consistent, and as new as
/// what has come. That goes on only while something of the context is awaited; `context::sync`
/// brings it up to now. It ends with its context, and then says `errc::state_lost`.
///
/// Common to all reads:
/// Errors: thrown as `system_error`, since nothing stale is passed off as current:
/// `errc::state_lost` (the state was stopped, or another one answers at its address),
/// `errc::supervisor_lost`; `errc::wrong_process` in a plain fork of the process that made it;
/// `errc::journal_overrun` when the journal is overwritten faster than it can be read;
/// `errc::server_absent`, `errc::server_silent`, `errc::connection_lost` when a new ring could not
/// be fetched in time; those of the system without memory or descriptors for it;
/// `asio::error::bad_descriptor` when it is empty. A read that failed may be tried again.
/// A state that was killed and has no successor cannot be told from one whose successor is still
/// to come: what it committed last is read.
/// Exception safety: strong.
/// Thread safety: one replica is for one thread at a time, reads included.
/// Object lifetimes: an owner; views and pointers into it are valid until its next use.
/// Complexity: O(1) when nothing has changed, a few dozen nanoseconds; else O(records passed), of
/// which those of other namespaces cost a glance; O(journal) when that has lapped it meanwhile.
class replica {
public:
    /// Empty: reads throw.
    replica() noexcept = default;
    explicit replica(std::unique_ptr<detail::replica_core> core) noexcept : core_(std::move(core))
    {
    }

    /// False when it is empty: never made, or moved from.
    explicit operator bool() const noexcept { return core_ != nullptr; }

    /// The name of the namespace. Errors: `asio::error::bad_descriptor`.
    const std::string& name() const { return core().name(); }

    /// The value of a key as a `T`. Errors also: `errc::no_such_key` (not for `optional<T>`, which
    /// is then empty); `errc::type_mismatch` and `errc::not_representable` when it is no `T`.
    template <class T = value>
    T get(const key_like auto& key) const
    {
        const auto& name = detail::to_step(key);
        const value* found = core().find(name);
        if (found)
            return found->template get<T>();
        if constexpr (detail::is_optional<T>)
            return T{};
        else
            throw system_error(errc::no_such_key, std::string(name));
    }

    /// The value of a key, or `otherwise` when there is none; a string-like default gives a
    /// `std::string`. Errors also: as `get`.
    template <class T>
    detail::stored_t<T> get_or(const key_like auto& key, T&& otherwise) const
    {
        ZPROC_CHECK_VALUE(T);
        using result = detail::stored_t<T>;
        if (const value* found = core().find(detail::to_step(key)))
            return found->template get<result>();
        return result(std::forward<T>(otherwise));
    }

    /// The value of a key, null and *absent* when there is none. A copy, which later changes leave
    /// alone: it costs what copying a value does, next to nothing but for long strings.
    template <key_like K>
    value operator[](const K& key) const
    {
        const value* found = find(key);
        return found ? *found : detail::absent();
    }

    /// The value of a key in place, or null. Valid until the next use of this replica.
    const value* find(const key_like auto& key) const { return core().find(detail::to_step(key)); }

    bool contains(const key_like auto& key) const { return find(key) != nullptr; }

    std::size_t size() const { return core().size(); }
    bool empty() const { return size() == 0; }

    /// The namespace's revision.
    std::uint64_t revision() const { return core().revision(); }

    /// All keys, in no particular order. Complexity: O(keys).
    std::vector<std::string> keys() const { return core().keys(); }
    /// All values, in the order of their keys. Complexity: as `items`.
    std::vector<value> values() const { return items().values(); }

    /// Everything, as of one revision. Complexity: O(bytes of the namespace).
    dict items() const
    {
        std::uint64_t revision = 0;
        return core().items(revision);
    }
    zproc::snapshot snapshot() const
    {
        std::uint64_t revision = 0;
        dict content = core().items(revision);
        return {revision, std::move(content)};
    }

    /// Iterates over the keys and values there were at `begin()`, in the order of the keys: the
    /// replica may be used meanwhile. Complexity: as `items`.
    class iterator;
    iterator begin() const;
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    detail::replica_core& core() const
    {
        if (!core_)
            throw system_error(
                asio::error::bad_descriptor,
                "this replica is empty: move one into it that state::replica() gave");
        return *core_;
    }

    std::unique_ptr<detail::replica_core> core_;
};

/// Walks a copy of the replica's items.
class replica::iterator {
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
    friend class replica;
    explicit iterator(dict items) : items_(std::move(items)), at_(items_.begin()) {}

    dict items_; // copies share the map, so `at_` stays valid in copies of this iterator
    dict::const_iterator at_;
};

inline replica::iterator replica::begin() const
{
    return iterator(items());
}

namespace detail {

struct pending_open final : pending_replica {
    handler<void(error_code, replica)> done;

    explicit pending_open(handler<void(error_code, replica)> h) : done(std::move(h)) {}

    void complete(const asio::any_io_executor& io, error_code ec,
                  std::unique_ptr<replica_core> opened) override;
    asio::cancellation_slot cancellation_slot() const noexcept override;
};

/// What `state::replica` does.
template <class Token>
auto open_replica(std::shared_ptr<const state_identity> id, Token&& token)
{
    using signature = void(error_code, replica);
    auto executor = id->engine->get_executor();
    return initiate<signature>(
        std::move(executor),
        [id = std::move(id)](handler<signature> done) {
            id->engine->replicate(*id, std::make_unique<pending_open>(std::move(done)));
        },
        std::forward<Token>(token));
}

} // namespace detail
} // namespace zproc
