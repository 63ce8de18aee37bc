#pragma once

#include <zproc/detail/conversion.hpp>
#include <zproc/detail/shared_box.hpp>
#include <zproc/dict.hpp>
#include <zproc/error.hpp>
#include <zproc/object.hpp>

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace zproc {

/// The kinds of `value`, in the order of `value::type`.
enum class value_kind : std::uint8_t {
    null,
    boolean,
    integer,
    real,
    string,
    binary,
    sequence,
    dict,
    object,
};

/// "null", "bool", "integer", "double", "string", "bytes", "list", "dict", "object".
std::string_view to_string(value_kind kind) noexcept;

namespace detail {

/// Null: one that was written, or the trace-less answer for a key that does not exist.
struct nothing {
    bool absent = false;
};

struct value_access;

} // namespace detail

/// One value of a state: null, bool, integer (64 bits), double, string, bytes, list, dict, or an
/// object of a user's type (whose `value_mapping` may make any of the others of it).
///
/// Converts from everything `storable`. Copies share lists, dicts, bytes and objects until one of
/// them is changed. Comparison is by content; an integer equals the double of the same number.
///
/// `operator[]` never leaves a trace: what is missing reads as *absent* (`is_null()`; `get<T>`
/// says `errc::no_such_key`). On a value that may be changed it returns a `value_ref`, through
/// which assignment and arithmetic create what is missing, to any depth: `v["a"]["b"] = 1`.
///
/// Exception safety: strong; what fails changes nothing. Errors are thrown as `system_error`.
/// Thread safety: distinct objects may be used from distinct threads, copies of each other too;
/// one object only if nobody changes it.
class value {
public:
    /// Null.
    constexpr value() noexcept : rep_() {}
    value(const value& other)
    {
        if (!take_scalar(other))
            copy_from(other);
    }
    value(value&& other) noexcept
    {
        if (!take_scalar(other))
            move_from(std::move(other));
    }
    value& operator=(const value& other)
    {
        if (!is_scalar() || !take_scalar(other))
            assign(other);
        return *this;
    }
    value& operator=(value&& other) noexcept
    {
        if (!is_scalar() || !take_scalar(other))
            assign(std::move(other));
        return *this;
    }
    ~value()
    {
        if (!is_scalar())
            destroy();
    }

    /// The value of any `storable`.
    ///
    /// Errors: `errc::not_representable` for integers outside the range of `std::int64_t`; those
    /// of a `value_mapping`.
    template <class T>
        requires(storable<T> && !std::derived_from<std::remove_cvref_t<T>, value> &&
                 !std::same_as<std::remove_cvref_t<T>, value_ref>)
    value(T&& content) : value()
    {
        store(std::forward<T>(content));
    }

    /// Parses JSON. A number with a fraction or an exponent becomes a double, any other an integer.
    ///
    /// Errors: `errc::malformed_value`, with the place in the text of the exception;
    /// `errc::value_too_deep` beyond 64 nested lists and dicts; `errc::not_representable` for an
    /// integer that 64 bits cannot hold.
    static value parse_json(std::string_view text);

    value_kind kind() const noexcept { return static_cast<value_kind>(rep_.index()); }
    bool is_null() const noexcept { return kind() == value_kind::null; }
    bool is_bool() const noexcept { return kind() == value_kind::boolean; }
    bool is_integer() const noexcept { return kind() == value_kind::integer; }
    bool is_double() const noexcept { return kind() == value_kind::real; }
    bool is_number() const noexcept { return is_integer() || is_double(); }
    bool is_string() const noexcept { return kind() == value_kind::string; }
    bool is_bytes() const noexcept { return kind() == value_kind::binary; }
    bool is_list() const noexcept { return kind() == value_kind::sequence; }
    bool is_dict() const noexcept { return kind() == value_kind::dict; }
    bool is_object() const noexcept { return kind() == value_kind::object; }

    /// False for null, false, 0, and what is empty; objects are true.
    bool truthy() const noexcept;

    /// The content as a `T`: a `storable` that is no view. Integers are checked for range, a
    /// double becomes an integer only if it is one, an integer becomes the nearest double;
    /// `get<optional<T>>` is empty for null; containers convert by element, enums by underlying
    /// type. A user's type is read by its `value_mapping`, or from the object's archive (to be
    /// trusted like the program that wrote it).
    ///
    /// Errors: `errc::no_such_key` when absent; `errc::type_mismatch`, whose text names both
    /// types; `errc::not_representable`; `errc::malformed_value` for a broken archive, and for
    /// what a mapping throws. The text also says at which key or index of a container it was, and
    /// within which user's type.
    template <class T>
    T get() const;

    /// The content if it is held as exactly `T` (`bool`, `std::int64_t`, `double`, `std::string`,
    /// `bytes`, `list`, `dict`, `object`), else nullptr. Valid until the value changes.
    template <class T>
    const T* get_if() const noexcept;

    /// The list or dict within.
    ///
    /// Errors: as `get`.
    const list& as_list() const&;
    list as_list() &&;
    const dict& as_dict() const&;
    dict as_dict() &&;

    /// Access to an element for reading and writing: a proxy, which `auto` copies as the value is
    /// now. For reading and for writing alike:
    ///
    /// Errors: `errc::type_mismatch` when this is neither null nor a dict (for a key) or a list
    /// (for an index). Writing beyond the end of a list: `errc::no_such_key`.
    template <class K>
        requires(key_like<K> || detail::index_like<K>)
    value_ref operator[](const K& key) &;
    template <class K>
        requires(key_like<K> || detail::index_like<K>)
    const value& operator[](const K& key) const&;
    template <class K>
        requires(key_like<K> || detail::index_like<K>)
    value operator[](const K& key) &&;

    /// False also when this is no dict.
    bool contains(std::string_view key) const noexcept;

    /// The number of elements, or of bytes of a string; 0 for null.
    ///
    /// Errors: `errc::type_mismatch` for what has no size.
    std::size_t size() const;
    bool empty() const { return size() == 0; }

    /// Iterates over the elements of a list (null has none). For a dict, iterate over `as_dict()`.
    list::const_iterator begin() const;
    list::const_iterator end() const;

    /// Appends to a list; null becomes one.
    ///
    /// Errors: `errc::type_mismatch`.
    void push_back(value element);

    /// Removes a key; true if it was there. Null has none.
    ///
    /// Errors: `errc::type_mismatch` when this is neither null nor a dict.
    bool erase(std::string_view key);

    /// Arithmetic of numbers. Null counts as 0. `+=` also joins strings (null counts as "").
    ///
    /// Errors: `errc::arithmetic_overflow`; `errc::type_mismatch` for anything else.
    value& operator+=(const value& other);
    value& operator-=(const value& other);
    value& operator*=(const value& other);
    value& operator++() { return *this += value(1); }
    value& operator--() { return *this -= value(1); }

    friend bool operator==(const value& left, const value& right) noexcept
    {
        return equal(left, right);
    }

    /// As JSON on one line. What JSON lacks is written so that people can read it: bytes as
    /// `{"$bytes": "<base64>"}`, an object as `{"$object": "<type>", "$data": "<base64>"}`, a
    /// double that is no number as null, bytes of a string that are no UTF-8 as U+FFFD.
    std::string to_json() const;
    friend std::ostream& operator<<(std::ostream& out, const value& content)
    {
        return print(out, content);
    }

private:
    friend struct detail::value_access;

    // Indexed by value_kind.
    using representation =
        std::variant<detail::nothing, bool, std::int64_t, double, std::string, detail::cow<bytes>,
                     detail::cow<list>, dict, detail::cow<object>>;

    /// What nothing has to be destroyed of.
    bool is_scalar() const noexcept { return kind() <= value_kind::real; }

    /// Becomes `content`. It must be a scalar: what it holds is not destroyed.
    template <class T>
    void become(T content) noexcept
    {
        static_assert(std::is_nothrow_move_constructible_v<T>);
        std::construct_at(&rep_, std::in_place_type<T>, std::move(content));
    }

    /// Becomes `other` if that is one of the scalars of which there are most; false if it is not.
    bool take_scalar(const value& other) noexcept
    {
        if (const auto* number = std::get_if<std::int64_t>(&other.rep_))
            become(std::int64_t(*number));
        else if (const auto* none = std::get_if<detail::nothing>(&other.rep_))
            become(detail::nothing(*none));
        else
            return false;
        return true;
    }
    void copy_from(const value& other);
    void move_from(value&& other) noexcept;
    void assign(const value& other);
    void assign(value&& other) noexcept;
    void destroy() noexcept;

    template <class T>
    void store(T&& content);
    template <class T>
    void store_container(T&& content);
    template <class T, class Wanted>
    T get_number() const;
    template <class T>
    T get_container() const;
    template <class T, class Where>
    T get_at(const Where& where) const;

    static bool equal(const value& left, const value& right) noexcept;
    static std::ostream& print(std::ostream& out, const value& content);

    // What the variant itself does when it is copied, moved or destroyed takes the compiler so
    // long that the library does it.
    union {
        representation rep_;
    };
};

/// The value of any `storable`; what the operations of a state do with their arguments.
///
/// Errors: `errc::not_representable`.
template <storable T>
value to_value(T&& content)
{
    return value(std::forward<T>(content));
}

/// `content.get<T>()`, for symmetry.
template <class T>
T from_value(const value& content)
{
    return content.template get<T>();
}

/// One entry of a braced dict.
struct dict_entry {
    template <key_like K, storable V>
    dict_entry(K&& entry_key, V&& entry_content)
        : key(detail::to_key(std::forward<K>(entry_key))), content(std::forward<V>(entry_content))
    {
    }

    std::string key;
    value content;
};

/// A list of anything storable: `list_of(1, "two", list_of(3))`.
template <storable... T>
list list_of(T&&... elements);

/// True when both have the same kind and content, to the last bit: what makes a write of an equal
/// value *identical*. Stricter than `==`, for which 1 equals 1.0.
bool identical(const value& left, const value& right) noexcept;

} // namespace zproc

#include <zproc/value_ref.hpp> // which completes the templates above
