#pragma once

#include <zproc/detail/conversion.hpp>

#include <string_view>
#include <type_traits>

namespace zproc::detail {

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ <= 12 && !defined(ZPROC_NO_TEMPORARY_GUARD)

/// True for closure types. They have no trait of their own; g++ spells them `…<lambda(…)>`, and
/// only the outermost name counts (not `std::function` of one, nor a template over one).
template <class T>
consteval bool is_lambda()
{
    const std::string_view whole = __PRETTY_FUNCTION__;
    const auto start = whole.find("T = ");
    int nesting = 0;
    for (auto i = start + 4; i < whole.size(); ++i) {
        if (nesting == 0 && whole.substr(i).starts_with("<lambda"))
            return true;
        if (whole[i] == '<' || whole[i] == '(')
            ++nesting;
        if (whole[i] == '>' || whole[i] == ')')
            --nesting;
    }
    return false;
}

/// False for what g++ up to 12 copies bitwise and destroys twice when it is a temporary inside a
/// `co_await` expression: aggregates and capturing lambdas that are not trivially copyable.
///
/// `T` is deduced from a forwarding reference: an lvalue reference for what has a name.
/// Define ZPROC_NO_TEMPORARY_GUARD to switch the check off.
template <class T>
inline constexpr bool safe_temporary = [] {
    using plain = std::remove_cvref_t<T>;
    if constexpr (std::is_lvalue_reference_v<T> || std::is_trivially_copyable_v<plain> ||
                  std::is_array_v<plain>)
        return true;
    else
        return !std::is_aggregate_v<plain> && !is_lambda<plain>();
}();

#else

template <class T>
inline constexpr bool safe_temporary = true;

#endif

} // namespace zproc::detail

#define ZPROC_TEMPORARY_TEXT                                                                       \
    "zproc: g++ 12 destroys this temporary twice inside co_await: name it first, and pass the "    \
    "variable"

/// Refuses the temporaries that g++ 12 destroys twice; for functions that take a user's value or
/// function by forwarding reference of type `T`.
#define ZPROC_CHECK_TEMPORARY(T)                                                                   \
    static_assert(::zproc::detail::safe_temporary<T>, ZPROC_TEMPORARY_TEXT)

/// The same for what is to be a value; says in words what a constraint would say in pages.
#define ZPROC_CHECK_VALUE(T)                                                                       \
    static_assert(::zproc::storable<T>,                                                            \
                  "zproc: a state holds null, bool, numbers, enums, text, bytes, lists, dicts, "   \
                  "and classes with a Boost.Serialization serialize or a value_mapping (which "    \
                  "zproc/json.hpp gives to those of Boost.JSON); not char, and no pointers");      \
    ZPROC_CHECK_TEMPORARY(T)
