#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace zproc::detail {

/// What several values may share: a count of owners before the content.
struct counted {
    counted() = default;
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    virtual ~counted() = default;

    std::atomic<std::size_t> owners{1};
};

/// Owns one share of a `counted`, whatever its content.
class share {
public:
    share() noexcept = default;
    explicit share(counted* fresh) noexcept : box_(fresh) {}
    share(const share& other) noexcept : box_(other.box_)
    {
        if (box_)
            box_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    share(share&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
    share& operator=(share other) noexcept
    {
        std::swap(box_, other.box_);
        return *this;
    }
    ~share()
    {
        if (box_ && box_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
            delete box_;
    }

    counted* get() const noexcept { return box_; }
    explicit operator bool() const noexcept { return box_ != nullptr; }

    // Acquire, so that what former owners read happened before the sole owner writes.
    bool sole() const noexcept { return box_->owners.load(std::memory_order_acquire) == 1; }

private:
    counted* box_ = nullptr;
};

/// A value that copies share until one of them is written to (copy on write). Without a box it
/// stands for an empty `T`, so that empty lists and dicts allocate nothing. `T` may be incomplete
/// until read or written.
template <class T>
class cow {
public:
    cow() noexcept = default;
    explicit cow(T content) : share_(new box(std::move(content))) {}

    const T& read() const noexcept
    {
        if (share_)
            return static_cast<const box*>(share_.get())->content;
        static const T empty{};
        return empty;
    }

    /// The content for its sole owner: copied first when others share it.
    T& write()
    {
        if (!share_)
            share_ = share(new box(T{}));
        else if (!share_.sole())
            share_ = share(new box(read()));
        return static_cast<box*>(share_.get())->content;
    }

    /// Keeps the content alive and unchanged for whoever holds it.
    const share& hold() const noexcept { return share_; }

    bool same_box(const cow& other) const noexcept { return share_.get() == other.share_.get(); }

private:
    struct box final : counted {
        explicit box(T from) : content(std::move(from)) {}
        T content;
    };

    share share_;
};

} // namespace zproc::detail
