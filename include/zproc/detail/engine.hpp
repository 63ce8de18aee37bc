#pragma once

#include <zproc/detail/ending.hpp>
#include <zproc/detail/handler.hpp>
#include <zproc/detail/replica_core.hpp>
#include <zproc/detail/watch_condition.hpp>
#include <zproc/error.hpp>
#include <zproc/event.hpp>
#include <zproc/options.hpp>
#include <zproc/value.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace zproc {

class draft;

/// What `context::ping` learns: who answers, and how long it took.
struct pong {
    pid_t pid = 0;
    std::chrono::nanoseconds round_trip{};
};

/// What `context::namespaces` tells of each.
struct namespace_info {
    std::string name;
    std::uint64_t revision = 0;
    std::size_t size = 0; ///< in keys
};

} // namespace zproc

namespace zproc::detail {

struct state_identity;

/// What a state handle asks of the engine behind it.
enum class operation : std::uint8_t {
    get,
    contains,
    size,
    keys,
    snapshot,
    revision,
    namespaces,
    set,
    erase,
    update,
    replace,
    clear,
    pop,
    pop_item,
    set_default,
    increment,
    decrement,
    append,
    compare_exchange,
};

constexpr bool is_mutation(operation what) noexcept
{
    return what >= operation::set;
}

/// Whatever every call of a user copies or moves is not inline: it would be compiled there.
struct request {
    operation what;
    std::string key;
    value first;
    value second;

    request(operation o, std::string k, value a, value b);
    request(const request& other);
    request(request&& other) noexcept;
    request& operator=(const request&) = delete;
    ~request();
};

struct response {
    std::uint64_t revision = 0;
    value result;
    std::string text; ///< what the server said of an error
};

/// One operation under way, with the user's handler inside.
struct pending : recycled {
    virtual ~pending() = default;
    /// Called once, by the engine; the user's handler is called later.
    virtual void complete(const asio::any_io_executor& io, error_code ec, response&& r) = 0;
    virtual asio::cancellation_slot cancellation_slot() const noexcept = 0;
};

/// `Convert` makes the operation's results of a response; it may throw `system_error`.
template <class Signature, class Convert>
struct typed_pending;

template <class Convert>
struct typed_pending<void(error_code), Convert> final : pending {
    handler<void(error_code)> done;
    diagnostics* why;

    typed_pending(handler<void(error_code)> h, Convert, diagnostics* d) : done(std::move(h)), why(d)
    {
    }

    void complete(const asio::any_io_executor& io, error_code ec, response&& r) override
    {
        explain(why, ec, r.text);
        done.complete(io, ec);
    }
    asio::cancellation_slot cancellation_slot() const noexcept override
    {
        return done.cancellation_slot();
    }
};

template <class T, class Convert>
struct typed_pending<void(error_code, T), Convert> final : pending {
    handler<void(error_code, T)> done;
    Convert convert;
    diagnostics* why;

    typed_pending(handler<void(error_code, T)> h, Convert c, diagnostics* d)
        : done(std::move(h)), convert(std::move(c)), why(d)
    {
    }

    void complete(const asio::any_io_executor& io, error_code ec, response&& r) override
    {
        std::optional<T> result;
        try {
            convert(ec, r, result.emplace());
        } catch (const system_error& e) {
            ec = e.code();
            if (why)
                r.text = e.what();
        } catch (...) { // of a user's `serialize`
            ec = errc::malformed_value;
        }
        explain(why, ec, r.text);
        done.complete(io, ec, result ? std::move(*result) : T{});
    }
    asio::cancellation_slot cancellation_slot() const noexcept override
    {
        return done.cancellation_slot();
    }
};

/// What is asked of a namespace's history.
struct past_question {
    enum class kind : std::uint8_t { at, history, difference, revision_at };

    kind what = kind::at;
    std::uint64_t first = 0; ///< revisions
    std::uint64_t second = 0;
    std::string key;
    std::int64_t time = 0; ///< ns since 1970
};

struct past_answer {
    std::uint64_t revision = 0;
    dict content;
    std::vector<event> events;
    std::vector<change> changes;
    std::uint64_t oldest = 0; ///< with `errc::revision_not_retained`
};

/// One question about the past under way, with the user's handler inside.
struct pending_past {
    virtual ~pending_past() = default;
    virtual void complete(const asio::any_io_executor& io, error_code ec, past_answer&& a) = 0;
    virtual asio::cancellation_slot cancellation_slot() const noexcept = 0;
};

template <class T, class Convert>
struct typed_past final : pending_past {
    handler<void(error_code, T)> done;
    Convert convert;
    diagnostics* why;

    typed_past(handler<void(error_code, T)> h, Convert c, diagnostics* d)
        : done(std::move(h)), convert(std::move(c)), why(d)
    {
    }

    void complete(const asio::any_io_executor& io, error_code ec, past_answer&& a) override
    {
        explain(why, ec, {}, a.oldest);
        done.complete(io, ec, ec ? T{} : convert(std::move(a)));
    }
    asio::cancellation_slot cancellation_slot() const noexcept override
    {
        return done.cancellation_slot();
    }
};

class watch_core;

/// One `next()` or `next_some()` under way, with the user's handler inside.
struct pending_event {
    std::size_t most = 1;     ///< events that it takes at once, at least one
    std::vector<event> taken; ///< what it has so far; they are made here, and stay where they are

    /// Where an event goes back to that was on its way when `cancelled` became true, or whose
    /// handler was destroyed.
    std::weak_ptr<watch_core> source;
    std::shared_ptr<const std::atomic<bool>> cancelled;

    virtual ~pending_event() = default;
    /// With what was taken; without, it is an error or the end of the stream.
    virtual void complete(const asio::any_io_executor& io, error_code ec) = 0;
    virtual asio::cancellation_slot cancellation_slot() const noexcept = 0;
};

/// An atomic function with its arguments, result and handler.
struct transaction_body {
    virtual ~transaction_body() = default;
    /// Runs the function; whatever it throws passes through.
    virtual void run(draft& d) = 0;
    virtual void complete(const asio::any_io_executor& io, std::exception_ptr e) = 0;
    virtual asio::any_completion_executor executor(const asio::any_io_executor& io) const = 0;
    virtual asio::cancellation_slot cancellation_slot() const noexcept = 0;
};

/// One watch, on the engine's side. Any thread; nothing blocks.
class watch_core {
public:
    virtual ~watch_core() = default;
    virtual asio::any_io_executor get_executor() const noexcept = 0;
    virtual void next(std::unique_ptr<pending_event> p) = 0;
    /// Nobody has seen this event, which a `next()` was to be given: it comes first again.
    virtual void give_back(event&& e) = 0;
    virtual void go_live() = 0;
    virtual void cancel() = 0;
    /// Nobody holds it any more: what is pending completes with `operation_aborted`.
    virtual void abandon() noexcept = 0;
    virtual std::uint64_t missed() const noexcept = 0;
};

/// What answers the state handles of a context. Any thread; nothing blocks, and no handler is
/// called from within.
///
/// Those that start something throw `system_error(errc::context_gone)` when the loop is gone.
class engine {
public:
    virtual ~engine() = default;
    virtual asio::any_io_executor get_executor() const noexcept = 0;
    virtual void submit(const state_identity& from, request&& r, std::unique_ptr<pending> p) = 0;
    virtual void transact(const state_identity& from, std::unique_ptr<transaction_body> body) = 0;
    virtual std::shared_ptr<watch_core> watch(const state_identity& from,
                                              watch_condition&& condition,
                                              const watch_options& options) = 0;
    virtual void recall(const state_identity& from, past_question&& q,
                        std::unique_ptr<pending_past> p) = 0;
    /// Of the connection; 0 before there was one.
    virtual std::uint64_t session() const noexcept = 0;
    /// Opens a replica of the namespace; what was asked for before is in it.
    virtual void replicate(const state_identity& from, std::unique_ptr<pending_replica> p) = 0;
};

/// What a state handle is: an engine, a namespace, and the origin its changes carry.
struct state_identity {
    std::shared_ptr<detail::engine> engine;
    std::string name_space;
    std::uint32_t handle = 0;
};

} // namespace zproc::detail
