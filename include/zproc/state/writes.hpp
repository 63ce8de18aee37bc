#pragma once

#include <zproc/state/reads.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace zproc {

/// The part of `state` that writes. Each operation is one transaction: one revision, one event.
/// What is common to all operations is said at `state`.
class state_writes : public state_reads {
public:
    /// Gives a key a value. Completion signature: `void(error_code)`.
    template <class T, detail::ending_for<void(error_code)>... Ending>
    [[nodiscard]] auto set(key_like auto&& key, T&& to, Ending&&... ending) const
    {
        ZPROC_CHECK_VALUE(T);
        return start<void(error_code)>(
            about(operation::set, std::forward<decltype(key)>(key), to_value(std::forward<T>(to))),
            detail::no_result{}, std::forward<Ending>(ending)...);
    }

    /// Removes a key; yields whether it was there. Completion signature: `void(error_code, bool)`.
    template <detail::ending_for<void(error_code, bool)>... Ending>
    [[nodiscard]] auto erase(key_like auto&& key, Ending&&... ending) const
    {
        return start<void(error_code, bool)>(
            about(operation::erase, std::forward<decltype(key)>(key)), detail::to_value_of<bool>{},
            std::forward<Ending>(ending)...);
    }

    /// Sets many keys in one transaction. Completion signature: `void(error_code)`.
    /// Complexity: O(changes).
    template <detail::ending_for<void(error_code)>... Ending>
    [[nodiscard]] auto update(dict changes, Ending&&... ending) const
    {
        return start<void(error_code)>({operation::update, {}, value(std::move(changes)), {}},
                                       detail::no_result{}, std::forward<Ending>(ending)...);
    }

    /// Replaces everything in one transaction: one event with every key that changed.
    /// Completion signature: `void(error_code)`. Complexity: O(keys before and after).
    template <detail::ending_for<void(error_code)>... Ending>
    [[nodiscard]] auto replace(dict content, Ending&&... ending) const
    {
        return start<void(error_code)>({operation::replace, {}, value(std::move(content)), {}},
                                       detail::no_result{}, std::forward<Ending>(ending)...);
    }

    /// Removes every key in one transaction: the namespace is gone, until somebody writes to it;
    /// its revisions go on where they were. Completion signature: `void(error_code)`.
    /// Complexity: O(keys).
    template <detail::ending_for<void(error_code)>... Ending>
    [[nodiscard]] auto clear(Ending&&... ending) const
    {
        return start<void(error_code)>({operation::clear, {}, {}, {}}, detail::no_result{},
                                       std::forward<Ending>(ending)...);
    }

    /// Removes a key and yields the value it had. Errors: `errc::no_such_key` (not for
    /// `optional<T>`); when it was no `T`, it is removed all the same.
    /// Completion signature: `void(error_code, T)`.
    template <class T = value, detail::ending_for<void(error_code, T)>... Ending>
    [[nodiscard]] auto pop(key_like auto&& key, Ending&&... ending) const
    {
        return start<void(error_code, T)>(about(operation::pop, std::forward<decltype(key)>(key)),
                                          detail::to_value_of<T>{},
                                          std::forward<Ending>(ending)...);
    }

    /// Removes some key, and yields it with the value it had. Errors: `errc::no_such_key` when
    /// there is none; otherwise as `pop`.
    /// Completion signature: `void(error_code, std::pair<std::string, T>)`.
    template <class T = value,
              detail::ending_for<void(error_code, std::pair<std::string, T>)>... Ending>
    [[nodiscard]] auto pop_item(Ending&&... ending) const
    {
        using result = std::pair<std::string, T>;
        return start<void(error_code, result)>({operation::pop_item, {}, {}, {}},
                                               detail::to_item_of<T>{},
                                               std::forward<Ending>(ending)...);
    }

    /// Gives an absent key a value; yields the value the key has then.
    /// Completion signature: `void(error_code, T)`, `T` as in `get_or`.
    template <class T, detail::ending_for<void(error_code, detail::stored_t<T>)>... Ending>
    [[nodiscard]] auto set_default(key_like auto&& key, T&& to, Ending&&... ending) const
    {
        ZPROC_CHECK_VALUE(T);
        using result = detail::stored_t<T>;
        return start<void(error_code, result)>(
            about(operation::set_default, std::forward<decltype(key)>(key),
                  to_value(std::forward<T>(to))),
            detail::to_value_of<result>{}, std::forward<Ending>(ending)...);
    }

    /// Adds to a number, in one round trip; an absent key counts as 0. Yields the sum.
    /// Errors: `errc::type_mismatch`, `errc::arithmetic_overflow`.
    /// Completion signature: `void(error_code, value)`.
    template <storable T = int, detail::ending_for<void(error_code, value)>... Ending>
    [[nodiscard]] auto increment(key_like auto&& key, T&& by = 1, Ending&&... ending) const
    {
        return start<void(error_code, value)>(
            about(operation::increment, std::forward<decltype(key)>(key),
                  to_value(std::forward<T>(by))),
            detail::to_value_of<value>{}, std::forward<Ending>(ending)...);
    }
    template <detail::ending_for<void(error_code, value)> First,
              detail::ending_for<void(error_code, value)>... Ending>
        requires(!storable<First>)
    [[nodiscard]] auto increment(key_like auto&& key, First&& first, Ending&&... ending) const
    {
        return increment(std::forward<decltype(key)>(key), 1, std::forward<First>(first),
                         std::forward<Ending>(ending)...);
    }

    /// Subtracts; otherwise as `increment`.
    template <storable T = int, detail::ending_for<void(error_code, value)>... Ending>
    [[nodiscard]] auto decrement(key_like auto&& key, T&& by = 1, Ending&&... ending) const
    {
        return start<void(error_code, value)>(
            about(operation::decrement, std::forward<decltype(key)>(key),
                  to_value(std::forward<T>(by))),
            detail::to_value_of<value>{}, std::forward<Ending>(ending)...);
    }
    template <detail::ending_for<void(error_code, value)> First,
              detail::ending_for<void(error_code, value)>... Ending>
        requires(!storable<First>)
    [[nodiscard]] auto decrement(key_like auto&& key, First&& first, Ending&&... ending) const
    {
        return decrement(std::forward<decltype(key)>(key), 1, std::forward<First>(first),
                         std::forward<Ending>(ending)...);
    }

    /// Adds one item to the end of a list; an absent key counts as an empty list.
    /// Errors: `errc::type_mismatch`. Completion signature: `void(error_code)`.
    /// Complexity: O(bytes of the list).
    template <class T, detail::ending_for<void(error_code)>... Ending>
    [[nodiscard]] auto append(key_like auto&& key, T&& item, Ending&&... ending) const
    {
        ZPROC_CHECK_VALUE(T);
        return start<void(error_code)>(about(operation::append, std::forward<decltype(key)>(key),
                                             to_value(std::forward<T>(item))),
                                       detail::no_result{}, std::forward<Ending>(ending)...);
    }

    /// Gives a key the value `to` if it has the value `from`, and yields whether it had. `nullptr`
    /// stands for "not there", on both sides: it takes an absent key, and erases.
    /// Completion signature: `void(error_code, bool)`.
    template <class From, class To, detail::ending_for<void(error_code, bool)>... Ending>
    [[nodiscard]] auto compare_exchange(key_like auto&& key, From&& from, To&& to,
                                        Ending&&... ending) const
    {
        ZPROC_CHECK_VALUE(From);
        ZPROC_CHECK_VALUE(To);
        return start<void(error_code, bool)>(
            about(operation::compare_exchange, std::forward<decltype(key)>(key),
                  to_value(std::forward<From>(from)), to_value(std::forward<To>(to))),
            detail::to_value_of<bool>{}, std::forward<Ending>(ending)...);
    }

protected:
    using state_reads::state_reads;
};

} // namespace zproc
