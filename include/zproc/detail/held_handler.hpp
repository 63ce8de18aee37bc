#pragma once

#include <zproc/detail/recycled_memory.hpp>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/system_executor.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace zproc {

namespace asio = boost::asio;

namespace detail {

// What asio's any_completion_handler is, with the arguments of the call in the same block of
// memory: what is to be posted is one pointer of one type, and so everything about posting, which
// is what takes compilers long, has been compiled with the library.

inline asio::any_completion_executor erased(asio::any_completion_executor executor) noexcept
{
    return executor;
}
asio::any_completion_executor erased(const asio::any_io_executor& executor) noexcept;
template <class Executor>
asio::any_completion_executor erased(const Executor& executor) noexcept
{
    return asio::any_completion_executor(std::nothrow, executor);
}

/// The executor, with work kept on it.
asio::any_completion_executor busy(const asio::any_io_executor& executor);
asio::any_completion_executor busy(const asio::system_executor& executor);
template <class Executor>
asio::any_completion_executor busy(const Executor& executor)
{
    return asio::prefer(executor, asio::execution::outstanding_work.tracked);
}

/// A completion handler behind one type, with the work that it keeps on its own executor, so that
/// a loop which only waits for us does not run dry.
class held_handler {
public:
    held_handler(const held_handler&) = delete;
    held_handler& operator=(const held_handler&) = delete;

    /// Ends the life of this, and then calls the handler with what has been stored for it.
    virtual void call() = 0;
    /// Ends the life of this; the handler is not called.
    virtual void drop() noexcept = 0;
    /// Where the handler wants to run: its associated executor, or `otherwise`.
    virtual asio::any_completion_executor
    executor(const asio::any_completion_executor& otherwise) const noexcept = 0;

    asio::cancellation_slot cancellation_slot() const noexcept { return cancellation_.slot(); }

    struct dropper {
        void operator()(held_handler* held) const noexcept { held->drop(); }
    };

protected:
    held_handler(asio::cancellation_slot slot, asio::any_completion_executor work);
    ~held_handler();

private:
    asio::cancellation_state cancellation_;
    asio::any_completion_executor work_;
};

using held_pointer = std::unique_ptr<held_handler, held_handler::dropper>;

/// Calls it on its executor (`io` when it has none of its own): posted, or by this thread behind the
/// strand that it is on (lib/handler.hpp). Never within this.
///
/// Its cancellation slot is left alone: only the handler's own thread may touch that, and what is
/// left in it holds weak references.
///
/// An empty `io` is that of a loop that is gone: then a handler without an executor of its own
/// cannot be called, and `errc::context_gone` is thrown.
void post_held(const asio::any_io_executor& io, held_pointer held);

/// What a handler of one signature is called with.
template <class Signature>
struct arguments_of;

template <class First>
struct arguments_of<void(First)> {
    First first;

    template <class H>
    void operator()(H&& handler)
    {
        std::move(handler)(std::move(first));
    }
};

template <class First, class Second>
struct arguments_of<void(First, Second)> {
    First first;
    Second second;

    template <class H>
    void operator()(H&& handler)
    {
        std::move(handler)(std::move(first), std::move(second));
    }
};

/// `Stored` calls what it is given: `stored(handler)`.
template <class Stored>
class storing_handler : public held_handler {
public:
    std::optional<Stored> stored;

protected:
    using held_handler::held_handler;
    ~storing_handler() = default;
};

template <class Stored, class H>
class held_by final : public storing_handler<Stored> {
    // No allocator of its own: not worth a rebound one.
    using allocator = asio::associated_allocator_t<H, std::allocator<void>>;
    static constexpr bool recycled = std::is_same_v<allocator, std::allocator<void>>;
    using rebound = typename std::allocator_traits<allocator>::template rebind_alloc<held_by>;

public:
    static held_by* make(H&& handler)
    {
        // Before the handler is moved from.
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto work = busy(asio::get_associated_executor(handler));
        memory place(handler);
        auto* made = new (place.at) held_by(std::move(slot), std::move(work), std::move(handler));
        place.at = nullptr;
        return made;
    }

    void call() override
    {
        held_pointer self(this); // should moving a user's type throw
        Stored arguments(std::move(*this->stored));
        H handler(std::move(handler_));
        static_cast<void>(self.release());
        destroy(handler);
        arguments(std::move(handler));
    }

    void drop() noexcept override
    {
        H handler(std::move(handler_));
        destroy(handler);
    }

    asio::any_completion_executor
    executor(const asio::any_completion_executor& otherwise) const noexcept override
    {
        return erased(asio::get_associated_executor(handler_, otherwise));
    }

private:
    /// A block of the handler's own memory.
    struct memory {
        static constexpr bool wide() { return alignof(held_by) > __STDCPP_DEFAULT_NEW_ALIGNMENT__; }

        const H& of;
        void* at;

        explicit memory(const H& handler) : of(handler), at(nullptr)
        {
            if constexpr (recycled && wide())
                at = ::operator new(sizeof(held_by), std::align_val_t(alignof(held_by)));
            else if constexpr (recycled)
                at = take_memory(sizeof(held_by));
            else
                at = rebound(asio::get_associated_allocator(of)).allocate(1);
        }
        ~memory()
        {
            if (at != nullptr)
                give_back(of, at);
        }
        memory(const memory&) = delete;
        memory& operator=(const memory&) = delete;

        static void give_back(const H& handler, void* what) noexcept
        {
            if constexpr (recycled && wide())
                ::operator delete(what, std::align_val_t(alignof(held_by)));
            else if constexpr (recycled)
                give_memory(what, sizeof(held_by));
            else
                rebound(asio::get_associated_allocator(handler))
                    .deallocate(static_cast<held_by*>(what), 1);
        }
    };

    held_by(asio::cancellation_slot slot, asio::any_completion_executor work, H&& handler)
        : storing_handler<Stored>(std::move(slot), std::move(work)), handler_(std::move(handler))
    {
    }
    ~held_by() = default;

    void destroy(const H& handler) noexcept
    {
        this->~held_by();
        memory::give_back(handler, this);
    }

    H handler_;
};

} // namespace detail
} // namespace zproc
