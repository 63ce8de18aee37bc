#include "value/access.hpp"

#include <zproc/dict.hpp>

#include <algorithm>

namespace zproc {

dict::dict(std::initializer_list<dict_entry> entries)
{
    for (const auto& entry : entries)
        insert_or_assign(entry.key, entry.content);
}

const value* dict::find(std::string_view key) const noexcept
{
    const auto& map = map_.read();
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
}

const value& dict::at(std::string_view key) const
{
    if (const value* found = find(key))
        return *found;
    throw detail::conversion_error(errc::no_such_key, std::string(key));
}

std::size_t dict::size() const noexcept
{
    return map_.read().size();
}

std::vector<std::string> dict::keys() const
{
    std::vector<std::string> all;
    all.reserve(size());
    for (const auto& each : *this)
        all.push_back(each.first);
    return all;
}

std::vector<value> dict::values() const
{
    std::vector<value> all;
    all.reserve(size());
    for (const auto& each : *this)
        all.push_back(each.second);
    return all;
}

void dict::insert_or_assign(std::string_view key, value content)
{
    detail::value_access::forget_absence(content);
    auto& map = map_.write();
    // Entries often arrive in order, from a decoder for one.
    if (map.empty() || map.rbegin()->first < key) {
        map.emplace_hint(map.end(), key, std::move(content));
        return;
    }
    const auto place = map.lower_bound(key); // not the end: the last key is not less
    if (place->first == key)
        place->second = std::move(content);
    else
        map.emplace_hint(place, key, std::move(content));
}

bool dict::erase(std::string_view key)
{
    if (!contains(key)) // or the content would be copied for nothing
        return false;
    auto& map = map_.write();
    map.erase(map.find(key));
    return true;
}

dict::const_iterator dict::begin() const noexcept
{
    return map_.read().begin();
}

dict::const_iterator dict::end() const noexcept
{
    return map_.read().end();
}

bool dict::equal(const dict& left, const dict& right) noexcept
{
    return left.map_.read() == right.map_.read();
}

} // namespace zproc
