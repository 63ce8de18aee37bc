#pragma once

#include <zproc/detail/packing.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace zproc::detail {

template <class T>
inline constexpr bool is_view_of_memory = false;
template <>
inline constexpr bool is_view_of_memory<std::string_view> = true;
template <class T, std::size_t N>
inline constexpr bool is_view_of_memory<std::span<T, N>> = true;
template <class T>
inline constexpr bool is_view_of_memory<std::reference_wrapper<T>> = true;

/// What crosses as its bytes, between two processes of the same program: what is trivially
/// copyable, unless it says itself how it is serialised. A bool is none: it has bytes of no value.
template <class T>
inline constexpr bool crosses_in_bulk = [] {
    if constexpr (!std::is_trivially_copyable_v<T> || !std::is_default_constructible_v<T> ||
                  std::is_pointer_v<T> || std::is_member_pointer_v<T> ||
                  std::is_null_pointer_v<T> || std::is_same_v<T, bool> || is_view_of_memory<T>)
        return false;
    else if constexpr (std::is_class_v<T>)
        return !has_own_serialize<T>();
    else
        return std::is_arithmetic_v<T> || std::is_enum_v<T>;
}();

/// Bytes of values in a row, in a string that grows.
class item_packer {
public:
    explicit item_packer(std::string& out) : out_(&out) {}

    template <class T>
    void put(const T& value)
    {
        if constexpr (crosses_in_bulk<T>) {
            out_->append(reinterpret_cast<const char*>(&value), sizeof value);
        } else if constexpr (std::is_same_v<T, std::string> || is_plain_vector<T>) {
            // Copied once, however long it is.
            const std::uint64_t size = value.size() * sizeof(typename T::value_type);
            out_->append(reinterpret_cast<const char*>(&size), sizeof size);
            if (size != 0)
                out_->append(reinterpret_cast<const char*>(value.data()),
                             static_cast<std::size_t>(size));
        } else {
            packer one;
            with_archive_errors([&] { one.put(value); });
            out_->append(one.take());
        }
    }

private:
    std::string* out_;
};

class item_unpacker {
public:
    explicit item_unpacker(std::string_view bytes) noexcept : rest_(bytes) {}

    template <class T>
    void get(T& value)
    {
        if constexpr (crosses_in_bulk<T>) {
            if (rest_.size() < sizeof value)
                unpacker::fail();
            std::memcpy(static_cast<void*>(&value), rest_.data(), sizeof value);
            rest_.remove_prefix(sizeof value);
        } else {
            unpacker in(rest_);
            with_archive_errors([&] { in.get(value); });
            rest_ = in.rest();
        }
    }

    void finish() const
    {
        if (!rest_.empty())
            unpacker::fail();
    }

private:
    std::string_view rest_;
};

// Packed items are each behind its length; this length stands for one that could not be packed.
inline constexpr std::uint64_t no_item = ~std::uint64_t{0};

/// Takes the next packed item off `rest`. False at the end, or where the bytes make no sense.
inline bool next_item(std::string_view& rest, std::string_view& item, bool& absent) noexcept
{
    std::uint64_t size = 0;
    if (rest.size() < sizeof size)
        return false;
    std::memcpy(&size, rest.data(), sizeof size);
    rest.remove_prefix(sizeof size);
    absent = size == no_item;
    if (absent) {
        item = {};
        return true;
    }
    if (size > rest.size())
        return false;
    item = rest.substr(0, static_cast<std::size_t>(size));
    rest.remove_prefix(item.size());
    return true;
}

/// Appends what `pack(item_packer&)` puts, behind its length. When it throws nothing is left but,
/// with `mark`, the sign of an absent item.
template <class Pack>
void put_item(std::string& out, bool mark, Pack pack)
{
    const auto at = out.size();
    std::uint64_t size = no_item;
    out.append(reinterpret_cast<const char*>(&size), sizeof size);
    try {
        item_packer packer(out);
        pack(packer);
        size = out.size() - at - sizeof size;
        std::memcpy(out.data() + at, &size, sizeof size);
    } catch (...) {
        out.resize(mark ? at + sizeof size : at);
        throw;
    }
}

/// Items as a function takes them: one value, or a tuple of several that are its arguments.
template <class... T>
inline constexpr bool items_in_bulk = sizeof...(T) == 1 && (crosses_in_bulk<T> && ...);

} // namespace zproc::detail
