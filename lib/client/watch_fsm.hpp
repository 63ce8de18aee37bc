#pragma once

#include "journal/record.hpp"
#include "store/events.hpp"

#include <zproc/detail/watch_condition.hpp>
#include <zproc/event.hpp>
#include <zproc/options.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::client {

/// Which records of a namespace become events of one watcher, and what they say. Pure: records go
/// in, in the order of their revisions; events come out.
///
/// It has three things to remember: how far it has seen (`revision`), how many events it has
/// delivered, and, for conditions, what the keys are and whether the condition held last.
///
/// With `held_for` an event that made the condition true waits until it has been true for so long:
///
///     false ──(becomes true)──► holding ──(time; or a later record tells of it)──► told
///       ▲──────────────────(becomes false)──┴─────────────────────────────────────────┘
///
/// Times are ns since 1970, as records carry them.
class watch_fsm {
public:
    using fetch = store::fetch_value;

    watch_fsm(detail::watch_condition condition, const watch_options& options,
              std::uint32_t handle);

    bool is_condition() const noexcept { return what_.what != kind::change; }
    /// It wants to know the whole namespace, not some keys.
    bool wants_everything() const noexcept { return what_.keys.empty() || options_.exclude; }
    bool wants(std::string_view key) const;
    /// A condition is to be tested where it begins, also when that is in the past.
    bool tests_at_since() const noexcept { return what_.test_at_since; }
    const std::vector<std::string>& keys() const noexcept { return what_.keys; }

    /// The session that this watcher's own changes are made in.
    void set_session(std::uint64_t session) noexcept { self_.session = session; }

    /// The watch begins after `revision`, when the watched keys were `present`. Yields the event
    /// of a condition that holds already, unless `test` is false; it says `time`.
    std::optional<event> begin(std::uint64_t revision, const dict& present, bool test,
                               std::int64_t now, std::int64_t time);

    /// Whether the record's revision does not follow on what was seen: records were missed, and
    /// `resume` has to be called before it.
    bool gap_before(std::uint64_t revision) const noexcept { return revision > revision_ + 1; }

    /// The next record of the namespace; true when it yields an event, which is written where it is
    /// wanted: to `out`, an event without changes so far, of which nothing means anything otherwise.
    /// A record that was seen already yields nothing.
    bool feed(const journal::record_view& record, const fetch& fetch_value, event& out);

    /// Records up to and including `revision` are gone; `base` is what the watched keys were then.
    /// Yields nothing when they were to be skipped, all of them.
    std::optional<event> resume(std::uint64_t revision, std::int64_t time, dict base);

    /// What comes up to and including that revision is not wanted, and not missed.
    void skip_to(std::uint64_t revision) noexcept { skip_to_ = revision; }

    /// When the event that is held back is to be yielded, if nothing comes in between.
    std::optional<std::int64_t> due() const;
    /// Yields it, if it is time. Everything up to `now` was fed.
    std::optional<event> ripen(std::int64_t now);

    /// The user has got this event; `count` counts those.
    void delivered(const event& e) noexcept;
    /// But has not taken it.
    void not_delivered(const event& e) noexcept;

    std::uint64_t revision() const noexcept { return revision_; }
    std::uint64_t missed() const noexcept { return missed_; }
    bool finished() const noexcept { return options_.count && yielded_ >= *options_.count; }
    const watch_options& options() const noexcept { return options_; }

private:
    using kind = detail::watch_condition::kind;

    bool conclude(event& e);
    event present_at(std::uint64_t revision, std::int64_t time) const;
    std::optional<event> hold(event&& e, bool held_before, std::int64_t now);
    bool holds() const;
    bool test_key(const value& v) const;
    void remember(const event& e);

    detail::watch_condition what_;
    watch_options options_;
    origin self_;
    std::uint64_t revision_ = 0;
    std::uint64_t skip_to_ = 0;
    std::uint64_t yielded_ = 0;
    std::uint64_t missed_ = 0;
    bool held_ = false;
    dict mirror_; ///< of the keys a condition looks at

    struct holding {
        event made_true;
        std::int64_t since = 0;
    };
    std::optional<holding> holding_;

    std::vector<std::byte> scratch_;
};

} // namespace zproc::client
