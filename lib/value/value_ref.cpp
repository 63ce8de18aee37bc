#include "value/access.hpp"

#include <zproc/draft.hpp>
#include <zproc/value_ref.hpp>

namespace zproc {

using detail::value_access;

namespace {

using step = std::variant<std::string, std::size_t>;

const value& element_at(const value& from, const step& next)
{
    if (const auto* key = std::get_if<std::string>(&next))
        return detail::element(from, std::string_view(*key));
    return detail::element(from, std::get<std::size_t>(next));
}

/// Where a step leads; what cannot be written to is an error.
const value& follow(const value& from, const step& next)
{
    const value& found = element_at(from, next);
    const auto* index = std::get_if<std::size_t>(&next);
    if (index && from.size() <= *index)
        throw detail::conversion_error(errc::no_such_key, "index " + std::to_string(*index) +
                                                              " in a list of " +
                                                              std::to_string(from.size()));
    return found;
}

/// The same way once more, making what is missing. `follow` has been there, so nothing fails.
value& enter(value& from, const step& next)
{
    if (const auto* index = std::get_if<std::size_t>(&next))
        return value_access::write_list(from)[*index];
    return detail::dict_access::write(value_access::write_dict(from))[std::get<std::string>(next)];
}

} // namespace

namespace detail {

value_ref element_ref(value& from, std::string_view key)
{
    return value_ref(&from, std::string(key), hold_elements(from), &element(from, key));
}

value_ref element_ref(value& from, std::size_t index)
{
    return value_ref(&from, index, hold_elements(from), &element(from, index));
}

value_ref element_ref(dict& from, std::string_view key)
{
    const value* found = from.find(key);
    return value_ref(&from, std::string(key), dict_access::hold(from), found ? found : &absent());
}

} // namespace detail

const value& value_ref::read() const
{
    if (draft* const* from = std::get_if<draft*>(&root_); from && !own_write_)
        (*from)->note_read(std::get<std::string>(first_)); // leaves if there is nothing at_ yet
    return *at_;
}

std::string value_ref::path() const
{
    const auto write = [](const step& each) {
        return std::visit([](const auto& key) { return detail::path_step(key); }, each);
    };
    std::string all = write(first_);
    for (const step& each : rest_)
        all += write(each);
    return all;
}

value_ref value_ref::child(step next) &&
{
    descend(std::move(next));
    return std::move(*this);
}

void value_ref::descend(step next)
{
    const value& parent = read();
    const value& found = element_at(parent, next);
    auto keep = detail::hold_elements(parent);
    rest_.push_back(std::move(next));
    // The parent is let go of: a box with one owner is changed in place.
    keep_ = std::move(keep);
    at_ = &found;
}

/// Goes the same way once more: what it sees is of now.
void value_ref::look()
{
    if (value* const* from = std::get_if<value*>(&root_)) {
        keep_ = detail::hold_elements(**from);
        at_ = &element_at(**from, first_);
    } else if (dict* const* within = std::get_if<dict*>(&root_)) {
        const value* found = (*within)->find(std::get<std::string>(first_));
        keep_ = detail::dict_access::hold(**within);
        at_ = found ? found : &detail::absent();
    } else {
        value_ref now = std::get<draft*>(root_)->ref(std::get<std::string>(first_));
        keep_ = std::move(now.keep_);
        at_ = now.at_;
        own_write_ = now.own_write_;
    }
    for (step& next : std::exchange(rest_, {}))
        descend(std::move(next));
}

value& value_ref::open()
{
    keep_ = {};
    at_ = &detail::absent();

    const auto check = [&](const value* at) {
        for (const step& next : rest_)
            at = &follow(*at, next);
    };
    value* at = nullptr;
    if (value* const* from = std::get_if<value*>(&root_)) {
        check(&follow(**from, first_));
        at = &enter(**from, first_);
    } else if (dict* const* within = std::get_if<dict*>(&root_)) {
        const auto& key = std::get<std::string>(first_);
        const value* found = (*within)->find(key);
        check(found ? found : &detail::absent());
        at = &detail::dict_access::write(**within)[key];
    } else {
        draft& state = *std::get<draft*>(root_);
        const auto& key = std::get<std::string>(first_);
        check(&state.look(key));
        at = &state.open(key);
    }
    for (const step& next : rest_)
        at = &enter(*at, next);
    return *at;
}

void value_ref::assign(value content)
{
    value_access::forget_absence(content);
    if (draft* const* from = std::get_if<draft*>(&root_); from && rest_.empty()) {
        keep_ = {};
        at_ = &detail::absent();
        (*from)->assign(std::get<std::string>(first_), std::move(content));
    } else {
        open() = std::move(content);
    }
}

value_ref value_ref::add(const value& other, bool negative) &&
{
    if (draft* const* from = std::get_if<draft*>(&root_); from && !at_)
        if ((*from)->add(std::get<std::string>(first_), other, negative))
            return std::move(*this);
    return std::move(*this).calculate(negative ? &value::operator-= : &value::operator+=, other);
}

value_ref value_ref::calculate(value& (value::*operation)(const value&), const value& other) &&
{
    value result = read();
    (result.*operation)(other);
    assign(std::move(result));
    look();
    return std::move(*this);
}

void value_ref::push_back(value element) &&
{
    const value& now = read();
    if (!now.is_null() && !now.is_list())
        detail::throw_mismatch(now, "list");
    open().push_back(std::move(element));
}

bool value_ref::erase(std::string_view key) &&
{
    const value& now = read();
    if (!now.is_null() && !now.is_dict())
        detail::throw_mismatch(now, "dict");
    return now.contains(key) && open().erase(key);
}

} // namespace zproc
