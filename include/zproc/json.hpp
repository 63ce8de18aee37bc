#pragma once

// Not part of zproc.hpp: Boost.JSON's headers cost every file that includes them.

#include <zproc/value.hpp>

#include <boost/json/error.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <exception>
#include <new>
#include <string>
#include <type_traits>

namespace zproc {

namespace detail {

/// As JSON. Errors: `errc::type_mismatch` for bytes and objects, which JSON has not.
boost::json::value to_json_tree(const value& content);

/// As a value. Errors: `errc::not_representable` for integers beyond `std::int64_t`.
value from_json_tree(const boost::json::value& content);

template <class T>
concept json_to_user = requires(const boost::json::value& from) {
    tag_invoke(boost::json::value_to_tag<T>(), from);
} || requires(const boost::json::value& from) {
    tag_invoke(boost::json::try_value_to_tag<T>(), from);
};

template <class T>
concept json_from_user = requires(boost::json::value& to, const T& from) {
    tag_invoke(boost::json::value_from_tag(), to, from);
};

/// What a user has taught Boost.JSON, in both directions.
template <class T>
concept json_class = std::is_class_v<T> && (boost::json::is_described_class<T>::value ||
                                            (json_to_user<T> && json_from_user<T>));

} // namespace detail

/// Stores what Boost.JSON can convert, and zproc could not: classes with a `tag_invoke` for
/// `value_from_tag` and one for `value_to_tag` (or `try_value_to_tag`), and structs described by
/// Boost.Describe. They are dicts and lists in the state, for people, watchers and other languages
/// to read. What has a `serialize` stays an object.
///
/// Within such a type the rules are Boost.JSON's: each member must be something it can convert, a
/// described enum is its name, a described struct needs exactly its members. Integers keep their 64
/// bits.
///
/// Errors: `errc::malformed_value` for whatever the conversion throws, with its text;
/// `errc::type_mismatch` for a described struct when the value is no dict, and for bytes and objects
/// anywhere within; `errc::not_representable` for unsigned integers beyond `std::int64_t`.
/// Complexity: O(size), with a tree of Boost.JSON in between.
/// Example file: example/typed_values.cpp
template <class T>
    requires(detail::json_class<T> && !detail::is_native<T>())
struct value_mapping<T> {
    static value to_value(const T& from)
    {
        return detail::from_json_tree(guarded([&] { return boost::json::value_from(from); }));
    }

    static T from_value(const value& from)
    {
        if constexpr (boost::json::is_described_class<T>::value) {
            if (!from.is_dict())
                detail::throw_mismatch(from, "dict");
        }
        const auto tree = detail::to_json_tree(from);
        return guarded([&]() -> T { return boost::json::value_to<T>(tree); },
                       "held: " + detail::describe(from) + ", ");
    }

private:
    template <class Convert>
    static auto guarded(Convert convert, const std::string& held = {})
    {
        try {
            return convert();
        } catch (const std::bad_alloc&) {
            throw;
        } catch (const system_error& reason) {
            const auto ec = reason.code();
            const bool theirs = ec.category() == boost::json::make_error_code({}).category();
            throw detail::conversion_error(errc::malformed_value,
                                           held + (theirs ? ec.message() : reason.what()));
        } catch (const std::exception& reason) {
            throw detail::conversion_error(errc::malformed_value, held + reason.what());
        }
    }
};

/// JSON itself: `state.set("k", boost::json::parse(text))`.
template <>
struct value_mapping<boost::json::value> {
    static value to_value(const boost::json::value& from) { return detail::from_json_tree(from); }
    static boost::json::value from_value(const value& from) { return detail::to_json_tree(from); }
};

} // namespace zproc
