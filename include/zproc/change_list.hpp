#pragma once

#include <zproc/value.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>
#include <utility>

namespace zproc {

/// One key as a transaction left it. An empty optional is an absent key.
struct change {
    std::string key;
    /// The value before; empty, too, when it was large and the ring no longer holds it.
    std::optional<value> before;
    std::optional<value> after;
};

/// The changes of one event: a contiguous range with what is needed of a vector. Most events have
/// one change, and that lies within the list: nothing is allocated for it.
///
/// Iterators, pointers and references end when the list is changed, and when it is moved from.
///
/// Thread safety: distinct lists may be used from distinct threads; one list only if nobody changes
/// it.
class change_list {
public:
    using value_type = change;
    using size_type = std::size_t;
    using difference_type = std::ptrdiff_t;
    using reference = change&;
    using const_reference = const change&;
    using pointer = change*;
    using const_pointer = const change*;
    using iterator = change*;
    using const_iterator = const change*;

    change_list() noexcept {}
    change_list(std::initializer_list<change> all);
    change_list(const change_list& other);
    change_list(change_list&& other) noexcept { take(other); }
    change_list& operator=(const change_list& other);
    change_list& operator=(change_list&& other) noexcept
    {
        if (this != &other) {
            destroy();
            take(other);
        }
        return *this;
    }
    ~change_list() { destroy(); }

    size_type size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

    change* data() noexcept { return more_ ? more_ : &one_; }
    const change* data() const noexcept { return more_ ? more_ : &one_; }
    iterator begin() noexcept { return data(); }
    iterator end() noexcept { return data() + size_; }
    const_iterator begin() const noexcept { return data(); }
    const_iterator end() const noexcept { return data() + size_; }
    const_iterator cbegin() const noexcept { return begin(); }
    const_iterator cend() const noexcept { return end(); }

    /// Errors: `std::out_of_range`.
    change& at(size_type index);
    const change& at(size_type index) const;
    // Preconditions: there is such an element.
    change& operator[](size_type index) noexcept { return data()[index]; }
    const change& operator[](size_type index) const noexcept { return data()[index]; }
    change& front() noexcept { return *begin(); }
    const change& front() const noexcept { return *begin(); }
    change& back() noexcept { return end()[-1]; }
    const change& back() const noexcept { return end()[-1]; }

    /// Adds an empty change at the end, to be filled where it is.
    change& emplace_back()
    {
        if (size_ != capacity_)
            ::new (static_cast<void*>(end())) change; // not zeroed first
        else
            grow();
        ++size_;
        return back();
    }
    void push_back(change added) { emplace_back() = std::move(added); }

    void clear() noexcept
    {
        destroy();
        forget();
    }

private:
    /// Room for more, with an empty change after those there are.
    void grow();
    void destroy_more() noexcept;

    void forget() noexcept
    {
        more_ = nullptr;
        size_ = 0;
        capacity_ = 1;
    }
    void destroy() noexcept
    {
        if (more_)
            destroy_more();
        else if (size_ != 0)
            one_.~change();
    }
    /// This one has nothing; the other has nothing afterwards.
    void take(change_list& other) noexcept
    {
        more_ = other.more_;
        size_ = other.size_;
        capacity_ = other.capacity_;
        if (!more_ && size_ != 0) {
            ::new (static_cast<void*>(&one_)) change(std::move(other.one_));
            other.one_.~change();
        }
        other.forget();
    }

    change* more_ = nullptr; ///< where they are, when they were ever more than one
    std::uint32_t size_ = 0;
    std::uint32_t capacity_ = 1;
    union {
        change one_;
    };
};

} // namespace zproc
