#pragma once

#include <zproc/detail/call.hpp>
#include <zproc/detail/carried_exception.hpp>
#include <zproc/detail/function.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace zproc {

namespace detail {

/// Says in the process that threw whether a `catch (const E&)` takes it.
template <class E>
struct exception_filter {
    static void enter(invocation& in)
    {
        try {
            std::rethrow_exception(in.failure());
        } catch (const E&) {
            in.permit_retry();
        } catch (...) { // NOLINT(bugprone-empty-catch): not meant
        }
    }
    static inline const stub_registration registered{&exception_filter::enter};
};

/// A restart policy as it is sent.
struct restart_settings {
    enum class mode : std::uint8_t { never, on_failure, always };

    mode when = mode::never;
    std::vector<function_reference> exceptions;
    std::vector<int> signals;
    std::vector<int> codes;
    std::optional<unsigned> limit = 5;
    std::chrono::nanoseconds delay = std::chrono::milliseconds(100);
    std::chrono::nanoseconds longest = std::chrono::seconds(30);
    double factor = 2;
    double jitter = 0.1;
    std::chrono::nanoseconds healthy_after = std::chrono::seconds(10);
    std::shared_ptr<const call> retry; ///< what later runs run, where that differs
    error_code failure;
};

} // namespace detail

/// When a process that has ended is run again, and after how long. Every run is a fresh process.
///
///     spawn_options{}.restart(restart_policy::on_failure().limit(10).delay(1s))
///
/// The supervisor decides, so that also the child of a process that is busy runs again. A process
/// that was asked to stop does not.
/// Source: `retry_for`, `max_retries`, `retry_delay`, `retry_args` of ZProc 0.9.5.
class restart_policy {
public:
    /// Never, which is what a spawn without a policy does.
    restart_policy() = default;

    /// After every end but exit code 0. The filters below narrow it.
    static restart_policy on_failure()
    {
        restart_policy made;
        made.settings_.when = detail::restart_settings::mode::on_failure;
        return made;
    }

    /// After every end.
    static restart_policy always()
    {
        restart_policy made;
        made.settings_.when = detail::restart_settings::mode::always;
        return made;
    }

    /// With one or more filters, only failures that one of them names: exceptions that a
    /// `catch (const E&)` takes,
    template <class... E>
    restart_policy& for_exceptions()
    {
        (add_filter(&detail::exception_filter<E>::enter, detail::exception_filter<E>::registered),
         ...);
        return *this;
    }
    /// signals that ended it,
    template <std::same_as<int>... Number>
    restart_policy& for_signals(Number... numbers)
    {
        (settings_.signals.push_back(numbers), ...);
        return *this;
    }
    /// exit codes (an exception does not count as one).
    template <std::same_as<int>... Code>
    restart_policy& for_codes(Code... codes)
    {
        (settings_.codes.push_back(codes), ...);
        return *this;
    }

    /// How often in a row: 5 means 6 runs. Default 5.
    restart_policy& limit(unsigned retries)
    {
        settings_.limit = retries;
        return *this;
    }
    restart_policy& for_ever()
    {
        settings_.limit.reset();
        return *this;
    }

    /// Before the second run of a row. Default 100 ms.
    restart_policy& delay(std::chrono::nanoseconds time)
    {
        settings_.delay = time;
        return *this;
    }
    /// By what the delay is multiplied from run to run. Default 2.
    restart_policy& factor(double times)
    {
        settings_.factor = times;
        return *this;
    }
    /// What the delay does not grow beyond. Default 30 s.
    restart_policy& longest_delay(std::chrono::nanoseconds time)
    {
        settings_.longest = time;
        return *this;
    }
    /// Up to which part of it, from 0 to 1, chance makes a delay longer or shorter, so that many
    /// that failed together do not come back together. Default 0.1.
    restart_policy& jitter(double part)
    {
        settings_.jitter = part;
        return *this;
    }
    /// A run that lasted so long has healed it: a new row begins. Default 10 s.
    restart_policy& healthy_after(std::chrono::nanoseconds time)
    {
        settings_.healthy_after = time;
        return *this;
    }

    /// What the second and later runs run: usually the same function with other arguments. Its
    /// result has to be of the same type.
    template <detail::spawnable F, class... Args>
    restart_policy& retry_with(F f, Args&&... args)
    {
        settings_.retry =
            std::make_shared<const detail::call>(detail::make_call(f, std::forward<Args>(args)...));
        return *this;
    }

    const detail::restart_settings& settings() const noexcept { return settings_; }

private:
    void add_filter(detail::stub_entry entry, const detail::stub_registration&)
    {
        settings_.exceptions.push_back(detail::refer(entry, 0, settings_.failure));
    }

    detail::restart_settings settings_;
};

/// How a process is spawned.
class spawn_options {
public:
    /// The name in handles, reports and tables. Default: the function's.
    spawn_options& name(std::string value)
    {
        name_ = std::move(value);
        return *this;
    }

    /// When it is run again. Default: never.
    spawn_options& restart(restart_policy value)
    {
        restart_ = std::move(value);
        return *this;
    }

    /// How long it and what it has spawned may take to end when asked to, before they are killed.
    /// Default: the context's.
    spawn_options& grace(std::chrono::nanoseconds value)
    {
        grace_ = value;
        return *this;
    }

    /// Linked with the process that spawns it: when either fails (ends otherwise than with code 0,
    /// and was not asked to), the other is stopped, and its `exit_info::cause` says why. What is
    /// linked with the root asks the root to end by SIGTERM.
    spawn_options& linked(bool value = true)
    {
        linked_ = value;
        return *this;
    }

    /// `result()` throws exceptions of these types as they were thrown: what a `catch (const E&)`
    /// takes is made anew by its `serialize` (Boost.Serialization) or, where it has none, from its
    /// `what()`; the first of several that fit counts. Nested in it is the `remote_error` that
    /// `result()` throws of all others, with stack, process and pid: `std::rethrow_if_nested`.
    template <class... E>
    spawn_options& rethrow()
    {
        (add_carrier(&detail::exception_carrier<E>::enter, &detail::exception_carrier<E>::raise,
                     detail::exception_carrier<E>::registered),
         ...);
        return *this;
    }

    bool is_linked() const noexcept { return linked_; }
    const std::vector<detail::carried_type>& rethrown() const noexcept { return rethrown_; }
    const error_code& failure() const noexcept { return failure_; }
    const std::string& name() const noexcept { return name_; }
    const restart_policy& restart() const noexcept { return restart_; }
    const std::optional<std::chrono::nanoseconds>& grace() const noexcept { return grace_; }

private:
    std::string name_;
    restart_policy restart_;
    std::optional<std::chrono::nanoseconds> grace_;
    std::vector<detail::carried_type> rethrown_;
    error_code failure_;
    bool linked_ = false;

    void add_carrier(detail::stub_entry entry, detail::carried_type::raiser raise,
                     const detail::stub_registration&)
    {
        rethrown_.push_back({detail::refer(entry, 0, failure_), raise});
    }
};

} // namespace zproc
