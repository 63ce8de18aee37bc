#pragma once

#include <zproc/detail/conversion.hpp>
#include <zproc/detail/shared_box.hpp>

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace zproc {

struct dict_entry;

namespace detail {
struct dict_access;
}

/// Values by key, in the order of their keys.
///
/// Access is that of `value`: a missing key reads as absent and leaves no trace, and only
/// assignment and arithmetic create one. Copies share their content until one is changed, so
/// copying and moving cost nothing.
///
/// Inside a `co_await` expression g++ 12 takes no braced lists: use `dict::of` and `with` there.
///
/// Thread safety: distinct objects may be used from distinct threads, copies of each other too;
/// one object only if nobody changes it.
class dict {
public:
    using map_type = std::map<std::string, value, std::less<>>;
    using value_type = std::pair<const std::string, value>;
    using const_iterator = map_type::const_iterator;
    using iterator = const_iterator;
    using size_type = std::size_t;

    dict() noexcept = default;

    /// `dict d{{"a", 1}, {"b", "x"}};` Of equal keys the last counts.
    dict(std::initializer_list<dict_entry> entries);

    /// A dict of alternating keys and values: `dict::of("a", 1, "b", "x")`.
    template <class... KeysAndValues>
    static dict of(KeysAndValues&&... arguments);

    /// The dict with one entry more: `dict{}.with("a", 1).with("b", "x")`.
    template <storable V>
    dict with(std::string_view key, V&& content) &&;
    template <storable V>
    dict with(std::string_view key, V&& content) const&;

    /// Access for reading and writing: a proxy, which `auto` copies as the value is now.
    template <key_like K>
    value_ref operator[](const K& key) &;

    /// The value of `key`; a null that says it is absent if there is none.
    template <key_like K>
    const value& operator[](const K& key) const&;
    template <key_like K>
    value operator[](const K& key) &&;

    /// The value of `key`.
    ///
    /// Errors: `errc::no_such_key`.
    const value& at(std::string_view key) const;

    /// The value of `key`, or nullptr. Valid until the dict is changed or destroyed.
    const value* find(std::string_view key) const noexcept;

    bool contains(std::string_view key) const noexcept { return find(key) != nullptr; }
    std::size_t size() const noexcept;
    bool empty() const noexcept { return size() == 0; }

    /// All keys, and all values, in the order of the keys.
    std::vector<std::string> keys() const;
    std::vector<value> values() const;

    /// Puts `content` under `key`, replacing what was there.
    void insert_or_assign(std::string_view key, value content);

    /// True if there was something to erase.
    bool erase(std::string_view key);
    void clear() noexcept { map_ = {}; }

    const_iterator begin() const noexcept;
    const_iterator end() const noexcept;

    /// By content, as `value` compares.
    friend bool operator==(const dict& left, const dict& right) noexcept
    {
        return equal(left, right);
    }

private:
    friend struct detail::dict_access;
    static bool equal(const dict& left, const dict& right) noexcept;

    detail::cow<map_type> map_;
};

} // namespace zproc

#include <zproc/value.hpp> // completes the templates above
