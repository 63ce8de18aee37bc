#pragma once

#include "journal/live_index.hpp"
#include "journal/writer.hpp"
#include "store/peer.hpp"
#include "store/sessions.hpp"

#include <zproc/error.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace zproc::store {

using bytes_view = std::span<const std::byte>; ///< one MessagePack value, valid and canonical

/// Who asks for a mutation. `request` 0: nobody who could ask twice, no reply is kept.
struct author {
    std::uint64_t session = 0;
    std::uint32_t handle = 0;
    std::uint64_t request = 0;
    std::uint64_t acknowledged = 0;
    std::int64_t time = 0; ///< ns since 1970; the record's never goes backwards
    /// On a connection that resumed the session: what it had applied by then goes up to here. A
    /// smaller number that is not known was there before, in its turn, and changed nothing.
    std::uint64_t passed = 0;
};

struct key_value {
    std::string_view key;
    std::optional<bytes_view> value; ///< nullopt: erase
};

/// Of a number; a missing key counts as 0.
struct addition {
    std::string_view key;
    bytes_view amount;
};

struct read_stamp {
    std::string_view key;
    std::uint64_t modified = 0; ///< 0: was absent
};

/// What became of a mutation. Views live until the next one.
struct outcome {
    error_code error;
    bool made = false;     ///< a revision was made
    bool repeated = false; ///< the reply to a duplicate; nothing was done now
    std::uint64_t revision = 0;
    std::optional<bytes_view> result;
    std::string_view text; ///< of an error, where the code does not say what it was; static
};

/// A key as it is; a missing one has neither value nor modification revision.
struct item {
    std::uint64_t modified = 0;
    std::optional<bytes_view> value;
};

/// Where a database gets its rings from, and whom it tells about changes.
class surroundings {
public:
    virtual ~surroundings() = default;

    /// A fresh writer of that capacity; null when there is none to be had. The region of the ring
    /// it replaces stays readable until the operation at hand is over.
    virtual std::unique_ptr<journal::writer> make_ring(const journal::ring_header& header) = 0;
    /// The ring of `now` holds everything, and is the one that counts from here on.
    virtual void ring_replaced(journal::writer& now) = 0;
    /// Whether a transaction may be written behind what `ring` has written so far: asked before
    /// anything is changed.
    virtual error_code admit(const journal::transaction&, const journal::writer& /*ring*/)
    {
        return {};
    }
    /// The same of a ring of that capacity, before it is made.
    virtual error_code admit_ring(std::uint64_t /*capacity*/) { return {}; }
    /// Called for each key that a new revision touches.
    virtual void changed(std::string_view name_space, std::string_view key) = 0;
};

struct database_options {
    // Of one session; beyond them, `too_busy`.
    std::size_t kept_replies = 1u << 14;
    std::uint64_t kept_reply_bytes = 64u << 20;
    std::size_t namespaces = 1u << 20;
    std::size_t value_bytes = 1u << 20; ///< of a value made here
    std::size_t depth = 64;
};

/// The index over the ring: which key's value lives where. The values are in the ring only.
///
/// Each mutation is one transaction, one record, one revision of its namespace. Nothing is
/// promised to anybody before `commit()`.
/// Complexity: per key O(1), whatever the number of keys and namespaces.
class database final : public journal::live_index {
public:
    /// An empty one.
    database(std::unique_ptr<journal::writer> ring, surroundings& around,
             database_options options = {});
    ~database() override;

    /// Takes over everything in a dead writer's ring, mapped read-only: copied to a ring from
    /// `around`, whose epoch is the next one. Null when the old ring is damaged, or no ring is to
    /// be had.
    static std::unique_ptr<database> recover(bytes_view old_region, surroundings& around,
                                             database_options options = {});

    // ---- reads ----
    std::uint64_t revision(std::string_view name_space) const;
    item get(std::string_view name_space, std::string_view key) const;
    bool contains(std::string_view name_space, std::string_view key) const;
    std::size_t size(std::string_view name_space) const;
    /// The key holds a number, or nothing, and the sum is none that overflows.
    bool can_add(std::string_view name_space, const addition& what) const;

    /// `visit(key, item)`, in no order.
    template <class Visitor>
    void for_each(std::string_view name_space, Visitor&& visit) const
    {
        if (const auto* s = find(name_space))
            for (const auto& [key, each] : s->keys)
                visit(std::string_view(key), read(each));
    }
    /// `visit(name, revision, size)`, in no order; those that never had a revision are none.
    template <class Visitor>
    void for_each_namespace(Visitor&& visit) const
    {
        for (const auto& [name, s] : spaces_)
            if (!name.empty() && s.revision != 0)
                visit(std::string_view(name), s.revision, s.keys.size());
    }

    // ---- mutations; errors common to all: too_large, too_busy, outcome_unknown (the session is
    //      not known, or the request was acknowledged before) ----
    outcome set(const author& by, std::string_view name_space, std::string_view key,
                bytes_view value);
    /// Result: how many went.
    outcome erase(const author& by, std::string_view name_space,
                  std::span<const std::string_view> keys);
    /// Sets and erases; of a key given twice the last counts.
    outcome update(const author& by, std::string_view name_space,
                   std::span<const key_value> changes);
    /// These keys and no others; one revision.
    outcome replace(const author& by, std::string_view name_space,
                    std::span<const key_value> items);
    /// Result: how many went.
    outcome clear(const author& by, std::string_view name_space);
    /// Result: the value, if there was one.
    outcome pop(const author& by, std::string_view name_space, std::string_view key);
    /// Result: [key, value], if there was any.
    outcome pop_item(const author& by, std::string_view name_space);
    /// Result: the value there is now.
    outcome set_default(const author& by, std::string_view name_space, std::string_view key,
                        bytes_view value);
    /// Result: the new value. A missing key counts as 0.
    /// Errors: type_mismatch, arithmetic_overflow.
    outcome increment(const author& by, std::string_view name_space, std::string_view key,
                      bytes_view amount);
    outcome decrement(const author& by, std::string_view name_space, std::string_view key,
                      bytes_view amount);
    /// Result: the new length. A missing key counts as an empty list. Errors: type_mismatch.
    outcome append(const author& by, std::string_view name_space, std::string_view key,
                   bytes_view element);
    /// Result: [exchanged, [the value found, if any]].
    outcome compare_exchange(const author& by, std::string_view name_space, std::string_view key,
                             std::optional<bytes_view> expected, std::optional<bytes_view> desired);
    /// What adding does not change is not written. Errors: conflict, when a key read (or, after a
    /// scan, the namespace) is no longer what it was, or `can_add` says no to an addition.
    outcome commit(const author& by, std::string_view name_space,
                   std::optional<std::uint64_t> scanned, std::span<const read_stamp> reads,
                   std::span<const key_value> writes, std::span<const addition> additions = {});

    // ---- sessions; they are keys of the namespace without a name, so that successors know them
    error_code open_session(std::uint64_t id, std::int64_t time, const peer& who = {});
    /// Its kept replies go, if its key can: else it is as it was, and has to be closed later.
    error_code close_session(std::uint64_t id, std::int64_t time);
    bool knows_session(std::uint64_t id) const { return sessions_.knows(id); }
    /// Its client has gone, at that time, or (0) is there again.
    error_code mark_session(std::uint64_t id, std::int64_t gone, std::int64_t time);
    /// Who opened it; valid until the next change. Empty for a session that is not known.
    std::optional<peer> find_peer(std::uint64_t id) const;
    void acknowledge(std::uint64_t id, std::uint64_t upto) { sessions_.acknowledge(id, upto); }
    const sessions& known_sessions() const { return sessions_; }

    /// Publishes what was done since the last one.
    std::uint64_t publish() { return ring_->commit(); }
    bool pending() const { return ring_->pending(); }
    const journal::writer& ring() const { return *ring_; }
    std::int64_t last_time() const { return time_; }

    // ---- journal::live_index ----
    bool value_live(std::string_view, std::string_view, journal::position) override;
    bool counter_live(std::string_view, journal::position) override;
    bool reply_live(std::uint64_t, std::uint64_t, journal::position) override;
    void value_moved(std::string_view, std::string_view, journal::position,
                     journal::value_place) override;
    void counter_moved(std::string_view, journal::position) override;
    void reply_moved(std::uint64_t, std::uint64_t, journal::position,
                     journal::value_place) override;
    std::uint64_t live_bytes() const override { return live_ + sessions_.live_bytes(); }

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const
        {
            return std::hash<std::string_view>()(text);
        }
    };
    template <class T>
    using by_text = std::unordered_map<std::string, T, text_hash, std::equal_to<>>;

    struct slot {
        journal::value_place place;
        journal::position record = journal::nowhere;
        std::uint64_t modified = 0;
    };
    struct space {
        std::uint64_t revision = 0;
        journal::position counter = journal::nowhere;
        by_text<slot> keys;
    };
    using named_space = by_text<space>::value_type;
    /// What is needed of a key beside its draft.
    struct touched {
        slot* at = nullptr; ///< null: absent so far
    };

    named_space* find_named(std::string_view name_space) const;
    const space* find(std::string_view name_space) const;
    slot* find(std::string_view name_space, std::string_view key);
    item read(const slot& s) const;

    bool passed_over(const author& by) const;
    /// Answers duplicates and refuses what may not go on; otherwise the namespace is in `s`.
    std::optional<outcome> begin(const author& by, std::string_view name_space, named_space*& s);
    static outcome failed(errc code, std::string_view text = {});
    outcome refuse(named_space& s, errc code);
    outcome nothing(named_space& s);

    std::optional<bytes_view> held_by(const named_space& s, std::string_view key) const;

    // One transaction is planned, then made.
    void plan(named_space& s, std::string_view key, std::optional<bytes_view> after);
    void plan_all(named_space& s, std::span<const key_value> changes);
    outcome make(const author& by, named_space& s);
    error_code append_record(const journal::transaction& what, journal::append_result& written);
    void follow(named_space& s, const journal::append_result& written);
    std::vector<std::byte>& begin_result();
    void result_is(bytes_view value);
    void result_is(std::uint64_t number);
    outcome add(const author& by, std::string_view name_space, std::string_view key,
                bytes_view amount, bool negative);

    error_code grow(std::uint64_t capacity);
    void relocate(const journal::relocation& moved);
    void rebuild(bytes_view region);
    void learn(const journal::record_view& record);
    void forget(named_space& s, by_text<slot>::iterator at);
    outcome kept_outcome(const sessions::kept& reply) const;

    surroundings& around_;
    database_options options_;
    std::unique_ptr<journal::writer> ring_;
    by_text<space> spaces_;
    mutable named_space* latest_ = nullptr; ///< what was asked for last is asked for again
    sessions sessions_;
    std::uint64_t live_ = 0; // of values and counters
    std::int64_t time_ = 0;

    // the mutation at hand
    std::vector<journal::change_draft> drafts_;
    std::vector<touched> touched_;
    std::vector<std::byte> value_;  // the one made here
    std::vector<std::byte> result_; // ditto
    bool has_result_ = false;
    std::vector<std::byte> reply_;
};

} // namespace zproc::store
