#pragma once

#include <utility>

namespace zproc {

/// An open file descriptor, closed by its owner.
class descriptor {
public:
    descriptor() noexcept = default;
    explicit descriptor(int number) noexcept : number_(number) {}

    descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

    descriptor& operator=(descriptor&& other) noexcept
    {
        if (this != &other)
            reset(std::exchange(other.number_, -1));
        return *this;
    }

    ~descriptor() { reset(); }

    explicit operator bool() const noexcept { return number_ >= 0; }
    int get() const noexcept { return number_; }
    int release() noexcept { return std::exchange(number_, -1); }
    void reset(int number = -1) noexcept;

    /// A second descriptor of the same file, close-on-exec; empty when there is no room.
    descriptor duplicate() const noexcept;

private:
    int number_ = -1;
};

/// The same file under a number that no standard stream has: where a program has closed one of
/// these, the system gives its number to whatever is opened next. Empty when there is no room.
descriptor above_standard(descriptor opened) noexcept;

} // namespace zproc
