#include "value/access.hpp"

#include <zproc/draft.hpp>

#include <cmath>
#include <limits>

namespace zproc {

using detail::draft_access;
using detail::draft_source;

// ---- the source -------------------------------------------------------------------------------

void draft_source::put(std::string_view key, std::optional<value> content, std::uint64_t revision)
{
    entry fetched;
    if (content) {
        fetched.content = cow<value>(std::move(*content));
        fetched.revision = revision;
    }
    entries_.insert_or_assign(std::string(key), std::move(fetched));
}

void draft_source::put_all(std::uint64_t namespace_revision)
{
    complete_ = true;
    revision_ = namespace_revision;
}

void draft_source::clear()
{
    entries_.clear();
    complete_ = false;
    revision_ = 0;
}

const draft_source::entry* draft_source::find(std::string_view key) const
{
    static const entry missing;
    const auto found = entries_.find(key);
    if (found != entries_.end())
        return &found->second;
    return complete_ ? &missing : nullptr;
}

// ---- reading ----------------------------------------------------------------------------------

void draft::restart(std::string_view key) const
{
    wanted_ = key;
    throw detail::draft_restart{};
}

void draft::note_read(std::string_view key) const
{
    const auto* known = source_->find(key);
    if (!known)
        restart(key);
    if (!reads_.contains(key))
        reads_.emplace(key, known->revision);
}

void draft::scan() const
{
    if (!source_->complete()) {
        wants_all_ = true;
        throw detail::draft_restart{};
    }
    scanned_ = true;
}

value_ref draft::ref(std::string key)
{
    const value* at = nullptr;
    detail::share keep;
    bool own_write = false;
    if (const auto written = written_.find(key); written != written_.end()) {
        own_write = true;
        at = &detail::absent();
        if (const auto& content = written->second.content) {
            at = &content->read();
            keep = content->hold();
        }
    } else if (const auto* known = source_->find(key)) {
        at = known->revision ? &known->content.read() : &detail::absent();
        keep = known->content.hold();
    }
    value_ref made(this, std::move(key), std::move(keep), at);
    made.own_write_ = own_write;
    return made;
}

const value& draft::look(std::string_view key) const
{
    if (const auto written = written_.find(key); written != written_.end())
        return written->second.content ? written->second.content->read() : detail::absent();
    note_read(key);
    const auto* known = source_->find(key);
    return known->revision ? known->content.read() : detail::absent();
}

bool draft::contains(std::string_view key) const
{
    if (const auto written = written_.find(key); written != written_.end())
        return written->second.content.has_value();
    note_read(key);
    return source_->find(key)->revision != 0;
}

dict draft::items() const
{
    scan();
    dict all;
    for (const auto& [key, known] : source_->entries())
        if (known.revision && !written_.contains(key))
            all.insert_or_assign(key, known.content.read());
    for (const auto& [key, made] : written_)
        if (made.content)
            all.insert_or_assign(key, made.content->read());
    return all;
}

std::vector<std::string> draft::keys() const
{
    return items().keys();
}

draft::iterator draft::begin() const
{
    return iterator(items());
}

// ---- writing ----------------------------------------------------------------------------------

namespace {

/// What is to be added, if that can be said without knowing to what. (Zero makes a missing key 0,
/// and what becomes of the sign of a NaN depends on the operation.)
std::optional<value> addition(const value& amount, bool negative)
{
    if (const auto* whole = amount.get_if<std::int64_t>()) {
        if (*whole == 0 || (negative && *whole == std::numeric_limits<std::int64_t>::min()))
            return std::nullopt;
        return value(negative ? -*whole : *whole);
    }
    if (const auto* real = amount.get_if<double>()) {
        if (*real == 0 || std::isnan(*real))
            return std::nullopt;
        return value(negative ? -*real : *real);
    }
    return std::nullopt;
}

} // namespace

/// Notes what is to be added to a key that is not known. False: the value is needed.
bool draft::add(const std::string& key, const value& amount, bool negative)
{
    if (source_->find(key) || written_.contains(key) || added_.contains(key))
        return false;
    auto noted = addition(amount, negative);
    if (noted)
        added_.emplace(key, *std::move(noted));
    return noted.has_value();
}

void draft::assign(const std::string& key, value content)
{
    if (added_.contains(key))
        restart(key); // it may have been nothing to add to
    written_.insert_or_assign(key, entry{detail::cow<value>(std::move(content))});
}

value& draft::open(const std::string& key)
{
    auto written = written_.find(key);
    if (written == written_.end()) {
        const auto* known = source_->find(key); // the caller has read it
        written = written_.emplace(key, entry{}).first;
        if (known->revision)
            written->second.content = known->content;
    }
    auto& content = written->second.content;
    if (!content)
        content.emplace();
    return content->write();
}

bool draft::erase(std::string_view key)
{
    if (!contains(key))
        return false;
    written_.insert_or_assign(std::string(key), entry{});
    return true;
}

void draft::clear()
{
    scan();
    for (const auto& [key, known] : source_->entries())
        if (known.revision)
            written_.insert_or_assign(key, entry{});
    for (auto& [key, made] : written_)
        made.content.reset();
}

// ---- the outcome ------------------------------------------------------------------------------

bool draft_access::must_restart(const draft& from) noexcept
{
    return from.wanted_ || from.wants_all_;
}

const std::optional<std::string>& draft_access::wanted(const draft& from) noexcept
{
    return from.wanted_;
}

bool draft_access::wants_all(const draft& from) noexcept
{
    return from.wants_all_;
}

bool draft_access::scanned(const draft& from) noexcept
{
    return from.scanned_;
}

std::vector<detail::draft_read> draft_access::reads(const draft& from)
{
    std::vector<draft_read> all;
    if (!from.scanned_)
        for (const auto& [key, revision] : from.reads_)
            all.push_back({key, revision});
    return all;
}

std::vector<detail::draft_write> draft_access::writes(const draft& from)
{
    const auto unchanged = [&](const std::string& key, const draft::entry& entry) {
        // What was not read may have changed meanwhile: it cannot be called equal.
        if (!from.scanned_ && !from.reads_.contains(key))
            return false;
        const auto* known = from.source_->find(key);
        const bool existed = known->revision != 0;
        if (!existed || !entry.content)
            return existed == entry.content.has_value();
        return identical(known->content.read(), entry.content->read());
    };
    std::vector<draft_write> all;
    for (const auto& [key, entry] : from.written_) {
        if (unchanged(key, entry))
            continue;
        all.push_back({key, std::nullopt});
        if (entry.content)
            all.back().content = entry.content->read();
    }
    return all;
}

std::vector<detail::draft_addition> draft_access::additions(const draft& from)
{
    std::vector<draft_addition> all;
    for (const auto& [key, amount] : from.added_)
        all.push_back({key, amount});
    return all;
}

} // namespace zproc
