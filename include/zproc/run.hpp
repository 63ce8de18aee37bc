#pragma once

#include <zproc/context.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>
#include <type_traits>
#include <utility>

namespace zproc {

/// How `run` goes on when its function has ended.
class run_options : public context_options {
public:
    run_options() = default;
    run_options(context_options options) : context_options(std::move(options)) {}

    /// Wait for the processes that were spawned, until a signal asks to stop, instead of stopping
    /// them at once. Default: stop them.
    run_options& wait_at_exit(bool value)
    {
        wait_at_exit_ = value;
        return *this;
    }
    bool wait_at_exit() const noexcept { return wait_at_exit_; }

    /// Instead of running its function, the program lends workers to the swarm that listens there,
    /// until it is dismissed: see `context::join_swarm`.
    run_options& workers_for(std::string address, join_options how = {})
    {
        workers_for_ = std::move(address);
        join_ = how;
        return *this;
    }
    const std::string& workers_for() const noexcept { return workers_for_; }
    const join_options& join() const noexcept { return join_; }

private:
    bool wait_at_exit_ = false;
    std::string workers_for_;
    join_options join_;
};

namespace detail {

int run_main(const run_options& options, std::function<asio::awaitable<int>(context)> body);

/// Takes `--zproc-…` arguments out of the command line; throws `system_error(errc::bad_address)`.
void take_arguments(int& argc, char** argv, run_options& options);

template <class F>
std::function<asio::awaitable<int>(context)> main_body(F f)
{
    // No invoke_result: it is an error of its own, and a worse one, where this cannot be called.
    constexpr bool gives_nothing = std::is_invocable_r_v<asio::awaitable<void>, F&, context>;
    constexpr bool gives_code = std::is_invocable_r_v<asio::awaitable<int>, F&, context>;
    static_assert(gives_nothing || gives_code,
                  "zproc: the function of run is a coroutine asio::awaitable<void> or "
                  "asio::awaitable<int> that takes a zproc::context");
    if constexpr (gives_code) {
        return f;
    } else if constexpr (gives_nothing) {
        return [f](context ctx) -> asio::awaitable<int> {
            co_await f(std::move(ctx));
            co_return 0;
        };
    }
}

} // namespace detail

/// A whole `main`: a loop, a context, and `f(context)` on it. SIGINT and SIGTERM cancel `f`; the
/// same signal again ends the program. What `f` throws becomes a crash report and exit code 1;
/// `process_exit{code}` its code. Then everything spawned is stopped, within the grace period.
///
/// Returns the exit code: what an `awaitable<int>` returned, 0 for an `awaitable<void>`, 128 +
/// signal when a signal cancelled `f`.
/// Example file: example/cookie_eater.cpp
template <class F>
int run(F f, run_options options = {})
{
    return detail::run_main(options, detail::main_body(std::move(f)));
}

/// The same; takes `--zproc-address ADDRESS`, `--zproc-secret-file FILE`,
/// `--zproc-tls-certificate FILE`, `--zproc-tls-key FILE`, `--zproc-tls-authorities FILE`,
/// `--zproc-namespace NAME` and `--zproc-isolation LEVEL` out of `argv`.
///
/// With `--zproc-workers ADDRESS` (and `--zproc-workers-count N`) the program does not run `f`: it
/// is N workers of the swarm that listens there, `run_options::workers_for`. It returns 0 when it
/// was dismissed; what went wrong is reported as of `f`.
template <class F>
int run(int& argc, char** argv, F f, run_options options = {})
{
    detail::take_arguments(argc, argv, options);
    return detail::run_main(options, detail::main_body(std::move(f)));
}

} // namespace zproc
