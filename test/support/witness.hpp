#pragma once

#include <utility>

namespace zproc::test {

/// Counts what is alive of the copies of its marks, and their calls.
struct witness {
    int alive = 0;
    int called = 0;

    class mark {
    public:
        explicit mark(witness& w) : of_(&w) { ++of_->alive; }
        mark(const mark& other) : of_(other.of_) { ++of_->alive; }
        mark& operator=(const mark&) = delete;
        ~mark() { --of_->alive; }
        void call() const { ++of_->called; }

    private:
        witness* of_;
    };
};

/// A completion handler for everything that owns a copy of whatever is given to it.
template <class... Owned>
auto handler_with(witness& w, Owned... owned)
{
    return [mark = witness::mark(w), ... owned = std::move(owned)](auto&&...) { mark.call(); };
}

} // namespace zproc::test
