#pragma once

#include <zproc/value.hpp>

namespace zproc::detail {

/// The insides of a value, for its own room.
struct value_access {
    static auto& representation(value& of) noexcept { return of.rep_; }
    static const auto& representation(const value& of) noexcept { return of.rep_; }

    /// Null that was read as absent and then stored is a null like any other.
    static void forget_absence(value& of) noexcept
    {
        if (auto* null = std::get_if<nothing>(&of.rep_))
            null->absent = false;
    }
    static bool is_absent(const value& of) noexcept
    {
        const auto* null = std::get_if<nothing>(&of.rep_);
        return null && null->absent;
    }

    /// The list or dict to change; null becomes an empty one. Must be of that kind otherwise.
    static list& write_list(value& of)
    {
        if (of.is_null())
            of.rep_.emplace<cow<list>>();
        return std::get<cow<list>>(of.rep_).write();
    }
    static dict& write_dict(value& of)
    {
        if (of.is_null())
            of.rep_.emplace<dict>();
        return std::get<dict>(of.rep_);
    }
};

struct dict_access {
    static dict::map_type& write(dict& of) { return of.map_.write(); }
    static const share& hold(const dict& of) noexcept { return of.map_.hold(); }
    static bool same_box(const dict& left, const dict& right) noexcept
    {
        return left.map_.same_box(right.map_);
    }
};

/// Keeps the elements of a list or dict as they are; empty for anything else.
inline share hold_elements(const value& of) noexcept
{
    const auto& content = value_access::representation(of);
    if (const auto* held = std::get_if<dict>(&content))
        return dict_access::hold(*held);
    if (const auto* held = std::get_if<cow<list>>(&content))
        return held->hold();
    return {};
}

} // namespace zproc::detail
