#include "store/database.hpp"
#include "store/numbers.hpp"
#include "value/msgpack.hpp"

#include <algorithm>
#include <unordered_set>

/// The mutations: what each plans, and what it answers.
namespace zproc::store {

std::vector<std::byte>& database::begin_result()
{
    has_result_ = true;
    result_.clear();
    return result_;
}

void database::result_is(bytes_view value)
{
    begin_result().assign(value.begin(), value.end());
}

void database::result_is(std::uint64_t number)
{
    msgpack::writer(begin_result()).write_uint(number);
}

std::optional<bytes_view> database::held_by(const named_space& s, std::string_view key) const
{
    const auto it = s.second.keys.find(key);
    return it == s.second.keys.end() ? std::nullopt : std::optional(ring_->bytes(it->second.place));
}

outcome database::set(const author& by, std::string_view name_space, std::string_view key,
                      bytes_view value)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    plan(*s, key, value);
    return make(by, *s);
}

outcome database::erase(const author& by, std::string_view name_space,
                        std::span<const std::string_view> keys)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    std::vector<key_value> changes;
    changes.reserve(keys.size());
    for (const auto key : keys)
        changes.push_back({key, std::nullopt});
    plan_all(*s, changes);
    result_is(drafts_.size());
    return make(by, *s);
}

outcome database::update(const author& by, std::string_view name_space,
                         std::span<const key_value> changes)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    plan_all(*s, changes);
    return make(by, *s);
}

outcome database::replace(const author& by, std::string_view name_space,
                          std::span<const key_value> items)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    std::unordered_set<std::string_view> kept;
    kept.reserve(items.size());
    for (const auto& item : items)
        kept.insert(item.key);
    plan_all(*s, items);
    for (const auto& [key, each] : s->second.keys)
        if (!kept.contains(key))
            plan(*s, key, std::nullopt);
    return make(by, *s);
}

outcome database::clear(const author& by, std::string_view name_space)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    for (const auto& [key, each] : s->second.keys)
        plan(*s, key, std::nullopt);
    result_is(drafts_.size());
    return make(by, *s);
}

outcome database::pop(const author& by, std::string_view name_space, std::string_view key)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    plan(*s, key, std::nullopt);
    if (!drafts_.empty())
        result_is(*drafts_.front().before);
    return make(by, *s);
}

outcome database::pop_item(const author& by, std::string_view name_space)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    if (!s->second.keys.empty()) {
        plan(*s, s->second.keys.begin()->first, std::nullopt);
        msgpack::writer writer(begin_result());
        writer.write_array_header(2);
        writer.write_str(drafts_.front().key);
        writer.write_raw(*drafts_.front().before);
    }
    return make(by, *s);
}

outcome database::set_default(const author& by, std::string_view name_space, std::string_view key,
                              bytes_view value)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    if (const auto it = s->second.keys.find(key); it != s->second.keys.end()) {
        result_is(ring_->bytes(it->second.place));
        return nothing(*s);
    }
    plan(*s, key, value);
    result_is(value);
    return make(by, *s);
}

outcome database::increment(const author& by, std::string_view name_space, std::string_view key,
                            bytes_view amount)
{
    return add(by, name_space, key, amount, false);
}

outcome database::decrement(const author& by, std::string_view name_space, std::string_view key,
                            bytes_view amount)
{
    return add(by, name_space, key, amount, true);
}

outcome database::add(const author& by, std::string_view name_space, std::string_view key,
                      bytes_view amount, bool negative)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    const auto before = held_by(*s, key);
    if (const auto ec = add_numbers(before, amount, negative, value_); ec.failed())
        return refuse(*s, static_cast<errc>(ec.value()));
    plan(*s, key, bytes_view(value_));
    result_is(value_);
    return make(by, *s);
}

outcome database::append(const author& by, std::string_view name_space, std::string_view key,
                         bytes_view element)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    const auto before = held_by(*s, key);
    std::uint64_t length = 0;
    auto ec = append_element(before, element, value_, length);
    // Checked when it arrived, the element may still be too much for where it goes.
    if (!ec.failed())
        ec = msgpack::validate(value_, {.depth = options_.depth, .size = options_.value_bytes});
    if (ec.failed())
        return refuse(*s, static_cast<errc>(ec.value()));
    plan(*s, key, bytes_view(value_));
    result_is(length);
    return make(by, *s);
}

outcome database::compare_exchange(const author& by, std::string_view name_space,
                                   std::string_view key, std::optional<bytes_view> expected,
                                   std::optional<bytes_view> desired)
{
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    const auto found = held_by(*s, key);
    const bool equal = found.has_value() == expected.has_value() &&
                       (!found || std::ranges::equal(*found, *expected));

    msgpack::writer writer(begin_result());
    writer.write_array_header(2);
    writer.write_bool(equal);
    writer.write_array_header(found ? 1 : 0);
    if (found)
        writer.write_raw(*found);
    if (!equal)
        return nothing(*s);
    plan(*s, key, desired);
    return make(by, *s);
}

outcome database::commit(const author& by, std::string_view name_space,
                         std::optional<std::uint64_t> scanned, std::span<const read_stamp> reads,
                         std::span<const key_value> writes, std::span<const addition> additions)
{
    if (passed_over(by))
        return failed(errc::conflict); // it did not commit, and may be tried anew
    named_space* s = nullptr;
    if (auto early = begin(by, name_space, s))
        return *early;
    const auto& now = s->second;
    if (scanned && *scanned != now.revision)
        return refuse(*s, errc::conflict);
    for (const auto& read : reads) {
        const auto it = now.keys.find(read.key);
        if (read.modified != (it == now.keys.end() ? 0 : it->second.modified))
            return refuse(*s, errc::conflict);
    }
    if (additions.empty()) {
        plan_all(*s, writes);
        return make(by, *s);
    }
    std::vector<key_value> changes(writes.begin(), writes.end());
    changes.reserve(writes.size() + additions.size());
    value_.reserve(additions.size() * longest_number); // views of it are handed on
    for (const auto& each : additions) {
        const auto before = held_by(*s, each.key);
        const auto from = value_.size();
        if (add_numbers(before, each.amount, false, value_).failed())
            return refuse(*s, errc::conflict); // whoever added finds out what is there
        const auto sum = bytes_view(value_).subspan(from);
        if (!before || !std::ranges::equal(*before, sum))
            changes.push_back({each.key, sum});
    }
    plan_all(*s, changes);
    return make(by, *s);
}

bool database::can_add(std::string_view name_space, const addition& what) const
{
    std::vector<std::byte> sum;
    return !add_numbers(get(name_space, what.key).value, what.amount, false, sum).failed();
}

} // namespace zproc::store
