#pragma once

#include "journal/recovery.hpp"
#include "journal/writer.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// What a ring must hold, kept beside it: the plainest possible store.
namespace model {

namespace journal = zproc::journal;

using bytes = std::vector<std::byte>;

inline std::span<const std::byte> as_bytes(std::string_view text)
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

inline const std::array<std::string, 3> name_spaces{"default", "b", "a namespace with a long name"};
inline constexpr std::size_t most_keys = 24;

inline const std::array<std::string, most_keys>& keys()
{
    static const auto made = [] {
        std::array<std::string, most_keys> all;
        for (std::size_t i = 0; i != most_keys; ++i)
            all[i] = "k" + std::to_string(i);
        return all;
    }();
    return made;
}

inline std::size_t number_of(std::string_view key)
{
    std::size_t number = 0;
    for (const char digit : key.substr(1))
        number = number * 10 + static_cast<std::size_t>(digit - '0');
    return number;
}

inline std::size_t number_of_space(std::string_view name_space)
{
    return static_cast<std::size_t>(std::find(name_spaces.begin(), name_spaces.end(), name_space) -
                                    name_spaces.begin());
}

/// The value of a key as anybody may see it, and (not compared) where it lies.
struct item {
    std::shared_ptr<const bytes> content; // null: the key is absent
    std::uint64_t revision = 0;
    std::int64_t time = 0;
    journal::origin by;
    journal::position record = journal::nowhere;
    journal::value_place place;

    bool operator==(const item& other) const
    {
        if (!content || !other.content)
            return !content && !other.content;
        return *content == *other.content && revision == other.revision && time == other.time &&
               by == other.by;
    }
};

struct reply {
    bytes content;
    journal::position record = journal::nowhere;
};

struct space {
    std::array<item, most_keys> items;
    std::uint64_t revision = 0;
    journal::position counter = journal::nowhere;

    bool operator==(const space& other) const
    {
        return revision == other.revision && items == other.items;
    }
};

/// All that is live, at one commit.
struct state {
    std::array<space, name_spaces.size()> spaces;
    std::map<std::pair<std::uint64_t, std::uint64_t>, reply> replies;
    std::uint64_t commit = 0;

    /// Same values, counters; and at least the replies of `kept`.
    bool holds(const state& kept) const
    {
        return commit == kept.commit && spaces == kept.spaces &&
               std::all_of(kept.replies.begin(), kept.replies.end(), [this](const auto& entry) {
                   const auto found = replies.find(entry.first);
                   return found != replies.end() && found->second.content == entry.second.content;
               });
    }

    void learn(const journal::record_view& record)
    {
        commit = std::max(commit, record.commit);
        space& in = spaces.at(number_of_space(
            record.name_space.empty() ? std::string_view(name_spaces[0]) : record.name_space));
        for (const journal::change_view& change : record.changes) {
            item& kept = in.items.at(number_of(change.key));
            kept = {};
            if (change.after)
                kept = {std::make_shared<bytes>(change.after->begin(), change.after->end()),
                        record.revision,
                        record.time,
                        record.by,
                        record.at,
                        change.after_at};
        }
        if (record.counter) {
            in.revision = record.revision;
            in.counter = record.at;
        }
        if (record.kept_reply)
            replies[{record.by.session, record.request}] = {
                bytes(record.reply.begin(), record.reply.end()), record.at};
    }
};

/// The index over a state, with the operations that a store would offer.
class store : public journal::live_index {
public:
    state now;

    bool value_live(std::string_view in, std::string_view key, journal::position record) override
    {
        const item& kept = at(in, key);
        return kept.content && kept.record == record;
    }
    bool counter_live(std::string_view in, journal::position record) override
    {
        return now.spaces.at(number_of_space(in)).counter == record;
    }
    bool reply_live(std::uint64_t session, std::uint64_t request, journal::position record) override
    {
        const auto found = now.replies.find({session, request});
        return found != now.replies.end() && found->second.record == record;
    }
    void value_moved(std::string_view in, std::string_view key, journal::position record,
                     journal::value_place place) override
    {
        at(in, key).record = record;
        at(in, key).place = place;
    }
    void counter_moved(std::string_view in, journal::position record) override
    {
        now.spaces.at(number_of_space(in)).counter = record;
    }
    void reply_moved(std::uint64_t session, std::uint64_t request, journal::position record,
                     journal::value_place) override
    {
        now.replies.at({session, request}).record = record;
    }
    std::uint64_t live_bytes() const override
    {
        std::uint64_t sum = 0;
        for (std::size_t s = 0; s != name_spaces.size(); ++s) {
            const space& in = now.spaces[s];
            if (in.counter != journal::nowhere)
                sum += journal::carried_counter_size(name_spaces[s].size());
            for (std::size_t k = 0; k != most_keys; ++k)
                if (in.items[k].content)
                    sum += journal::carried_value_size(name_spaces[s].size(), keys()[k].size(),
                                                       in.items[k].content->size());
        }
        for (const auto& [id, kept] : now.replies)
            sum += journal::carried_reply_size(kept.content.size());
        return sum;
    }

    struct write {
        std::size_t key = 0;
        std::shared_ptr<const bytes> content; // null: erase
    };

    /// One transaction; the state is changed only if it was written.
    journal::append_result apply(journal::writer& ring, std::size_t name_space,
                                 std::span<const write> writes, std::int64_t time,
                                 journal::origin by = {}, std::uint64_t request = 0,
                                 std::string_view answer = {})
    {
        space& in = now.spaces.at(name_space);
        drafts_.clear();
        for (const write& one : writes) {
            journal::change_draft draft;
            draft.key = keys().at(one.key);
            const item& old = in.items.at(one.key);
            if (old.content) {
                draft.before = ring.bytes(old.place);
                draft.before_at = old.place.at;
            }
            if (one.content)
                draft.after = *one.content;
            drafts_.push_back(draft);
        }
        journal::transaction what;
        what.name_space = name_spaces.at(name_space);
        what.revision = in.revision + 1;
        what.time = time;
        what.by = by;
        what.request = request;
        what.reply = as_bytes(answer);
        what.changes = drafts_;
        const auto result = ring.append(what, *this);
        if (!result)
            return result;
        for (std::size_t i = 0; i != writes.size(); ++i) {
            item& kept = in.items.at(writes[i].key);
            kept = {};
            if (writes[i].content)
                kept = {writes[i].content, what.revision,   time, by,
                        result.record,     result.values[i]};
        }
        in.revision = what.revision;
        in.counter = result.record;
        now.commit = result.commit;
        if (request != 0)
            now.replies[{by.session, request}] = {bytes(what.reply.begin(), what.reply.end()),
                                                  result.record};
        return result;
    }

    void acknowledge(std::uint64_t session, std::uint64_t request)
    {
        now.replies.erase({session, request});
    }

    /// Follows the records to another ring.
    void relocate(const journal::relocation& moved)
    {
        for (space& in : now.spaces) {
            if (in.counter != journal::nowhere)
                in.counter = moved(in.counter).value();
            for (item& kept : in.items)
                if (kept.content) {
                    kept.record = moved(kept.record).value();
                    kept.place.at = moved(kept.place.at).value();
                }
        }
        for (auto& [id, kept] : now.replies)
            kept.record = moved(kept.record).value();
    }

private:
    item& at(std::string_view in, std::string_view key)
    {
        return now.spaces.at(number_of_space(in)).items.at(number_of(key));
    }

    std::vector<journal::change_draft> drafts_;
};

inline std::shared_ptr<const bytes> content(std::size_t size, std::uint64_t seed)
{
    auto made = std::make_shared<bytes>(size);
    for (std::size_t i = 0; i != size; ++i)
        (*made)[i] = static_cast<std::byte>((seed * 31 + i * 7 + (seed >> 8)) & 0xff);
    return made;
}

/// An aligned, zeroed region for a ring.
class region {
public:
    explicit region(std::uint64_t capacity) : words_(journal::region_size(capacity) / 8) {}
    std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(words_)); }

private:
    std::vector<std::uint64_t> words_;
};

/// A small generator, the same everywhere.
class dice {
public:
    explicit dice(std::uint64_t seed) : state_(seed * 2654435769u + 1) {}
    std::uint64_t operator()(std::uint64_t below)
    {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_ % below;
    }

private:
    std::uint64_t state_;
};

} // namespace model
