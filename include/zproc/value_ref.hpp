#pragma once

#include <zproc/detail/conversion_error.hpp>
#include <zproc/value.hpp>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace zproc {

class draft;
class value_ref;

namespace detail {

value_ref element_ref(value& from, std::string_view key);
value_ref element_ref(value& from, std::size_t index);
value_ref element_ref(dict& from, std::string_view key);

} // namespace detail

/// What `operator[]` of a changeable value, dict or draft returns: a copy of the element as it was
/// then, and the way to write to its place.
///
/// Read it like a `value`; it converts to one. Write through the temporary itself:
/// `d["a"]["b"] = 1`, `d["n"] += 1`, which create what is missing. After `auto v = d["n"]`, `v`
/// keeps the value of that moment, whatever happens to `d`; writing through `v` does not compile,
/// as it could not be seen whether the copy or the place was meant. Name a `value` for a copy to
/// work on.
///
/// Arithmetic returns the place as it is then, to be read like any other: `auto v = (d["n"] += 1)`.
/// On a key that a draft has not fetched, `+=`, `-=`, `++` and `--` with a number other than zero
/// do not read it, unless what they return is looked at: it is added where the value is.
///
/// Object lifetimes: a named one may outlive changes to what it came from, but one that came from
/// a draft must not outlive the draft, and functions return `value`, not `auto`.
class value_ref {
public:
    value_ref(const value_ref&) = default;
    value_ref(value_ref&&) noexcept = default;

    // Reading; the same meaning as in `value`.
    operator value() const { return read(); }
    template <class T>
    T get() const
    {
        try {
            return read().template get<T>();
        } catch (const detail::conversion_error& e) {
            throw e.at_path(path());
        }
    }
    template <class T>
    const T* get_if() const
    {
        return read().template get_if<T>();
    }
    value_kind kind() const { return read().kind(); }
    bool is_null() const { return read().is_null(); }
    bool is_bool() const { return read().is_bool(); }
    bool is_integer() const { return read().is_integer(); }
    bool is_double() const { return read().is_double(); }
    bool is_number() const { return read().is_number(); }
    bool is_string() const { return read().is_string(); }
    bool is_bytes() const { return read().is_bytes(); }
    bool is_list() const { return read().is_list(); }
    bool is_dict() const { return read().is_dict(); }
    bool is_object() const { return read().is_object(); }
    bool truthy() const { return read().truthy(); }
    const list& as_list() const& { return read().as_list(); }
    list as_list() && { return read().as_list(); }
    const dict& as_dict() const& { return read().as_dict(); }
    dict as_dict() && { return read().as_dict(); }
    bool contains(std::string_view key) const { return read().contains(key); }
    std::size_t size() const { return read().size(); }
    bool empty() const { return read().empty(); }
    list::const_iterator begin() const { return read().begin(); }
    list::const_iterator end() const { return read().end(); }
    std::string to_json() const { return read().to_json(); }

    friend bool operator==(const value_ref& left, const value_ref& right)
    {
        return left.read() == right.read();
    }
    friend bool operator==(const value_ref& left, const value& right)
    {
        return left.read() == right;
    }
    friend std::ostream& operator<<(std::ostream& out, const value_ref& content)
    {
        return out << content.read();
    }

    /// The element within: the way to it from a temporary, a copy from a named proxy.
    template <class K>
        requires(key_like<K> || detail::index_like<K>)
    value_ref operator[](const K& key) &&
    {
        return std::move(*this).child(step_to(key));
    }
    template <class K>
        requires(key_like<K> || detail::index_like<K>)
    value operator[](const K& key) const&
    {
        return read()[key];
    }

    // Writing; all errors as in `value`, and what fails creates nothing.
    void operator=(value content) && { assign(std::move(content)); }
    void operator=(const value_ref& other) && { assign(value(other)); }
    void operator=(value content) & = delete; // name a `value` for a copy to change
    value_ref& operator=(const value_ref& other) & = delete;
    value_ref operator+=(const value& other) && { return std::move(*this).add(other, false); }
    value_ref operator-=(const value& other) && { return std::move(*this).add(other, true); }
    value_ref operator*=(const value& other) &&
    {
        return std::move(*this).calculate(&value::operator*=, other);
    }
    value_ref operator++() && { return std::move(*this).add(value(1), false); }
    value_ref operator--() && { return std::move(*this).add(value(1), true); }
    void push_back(value element) &&;
    bool erase(std::string_view key) &&;

private:
    friend class draft;
    friend value_ref detail::element_ref(value& from, std::string_view key);
    friend value_ref detail::element_ref(value& from, std::size_t index);
    friend value_ref detail::element_ref(dict& from, std::string_view key);

    using step = std::variant<std::string, std::size_t>;
    using root = std::variant<value*, dict*, draft*>;

    value_ref(root from, step first, detail::share keep, const value* at)
        : root_(from), keep_(std::move(keep)), at_(at), first_(std::move(first))
    {
    }

    template <class K>
    static step step_to(const K& key)
    {
        if constexpr (detail::index_like<K>)
            return std::in_range<std::size_t>(key) ? static_cast<std::size_t>(key) : SIZE_MAX;
        else
            return detail::to_key(key);
    }

    const value& read() const;
    std::string path() const;
    value_ref child(step next) &&;
    void descend(step next);
    void look();
    void assign(value content);
    value_ref add(const value& other, bool negative) &&;
    value_ref calculate(value& (value::*operation)(const value&), const value& other) &&;
    value& open();

    root root_;
    detail::share keep_;     // what `at_` points into, kept as it was
    const value* at_;        // nullptr: a key that the draft has not fetched
    bool own_write_ = false; // of a draft: seeing it says nothing about the state
    step first_;
    std::vector<step> rest_;
};

} // namespace zproc

#include <zproc/detail/element_impl.hpp>
#include <zproc/detail/value_impl.hpp>
