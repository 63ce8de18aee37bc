#include "supervisor/invocation.hpp"

#include "process_number.hpp"
#include "supervisor/call_message.hpp"
#include "supervisor/channel.hpp"
#include "supervisor/crash.hpp"
#include "supervisor/exception_report.hpp"
#include "supervisor/function_ref.hpp"
#include "supervisor/last_lines.hpp"
#include "supervisor/messages.hpp"
#include "supervisor/modules.hpp"
#include "supervisor/packet.hpp"
#include "supervisor/restart.hpp"
#include "supervisor/stop_signals.hpp"
#include "supervisor/throw_stack.hpp"

#include <zproc/detail/call.hpp>
#include <zproc/error.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <stdio_ext.h>
#include <unistd.h>

// There in programs that count what they cover. (__gcov_dump would be the documented one, but a
// weak reference does not bring it out of its archive, and without -l gcov nothing else does.)
extern "C" {
[[gnu::weak]] void __gcov_exit();
[[gnu::weak]] int __llvm_profile_write_file();
}

namespace zproc::supervision {

namespace {

namespace asio = boost::asio;

std::atomic<context_maker> make_context{nullptr};

/// Called by its address, which the loader knows since the program began. A look-up by name at the
/// first call would be made in every child anew: it cannot be rehearsed, and goes through a page or
/// two of each loaded library.
void (*const volatile end_this_process)(int) = &::_exit;

/// Ends this process: what it has printed is not lost, and nothing of the forked program runs.
[[noreturn]] void leave(int code)
{
    std::cout.flush();
    std::clog.flush();
    std::fflush(nullptr);
    if (&__gcov_exit != nullptr)
        __gcov_exit();
    if (&__llvm_profile_write_file != nullptr)
        __llvm_profile_write_file();
    end_this_process(code);
    __builtin_unreachable();
}

/// A spawned process from the inside. Lives as long as the process: its destructor never runs.
class running_call final : public detail::invocation {
public:
    running_call(const child_start& start, int channel, call_message call)
        : start_(start), channel_(channel), call_(std::move(call))
    {
        instance_ = this;
    }

    std::string_view arguments() const noexcept override { return call_.arguments; }
    std::uintptr_t target() const noexcept override { return target_; }

    context& own_context() override
    {
        const auto maker = make_context.load();
        if (maker == nullptr)
            throw std::logic_error("zproc: no context was linked into this program");
        if (context_ == nullptr)
            context_ = maker(loop(), start_, call_.settings);
        return *context_;
    }

    void finish(std::string result) override
    {
        result_ = std::move(result);
        finished_ = true;
    }

    std::exception_ptr failure() const noexcept override { return failure_; }
    void permit_retry() noexcept override { may_retry_ = true; }
    void carry(std::string exception) override { carried_ = std::move(exception); }

    void launch(asio::awaitable<std::string> body) override
    {
        signals_.emplace(loop(), ::getppid());
        signals_->listen([this] { cancel_.emit(asio::cancellation_type::terminal); });
        auto done = [this, end = at_end(loop())](std::exception_ptr error, std::string result) {
            if (error)
                error_ = error;
            else
                finish(std::move(result));
        };
        asio::co_spawn(loop(), std::move(body),
                       asio::bind_cancellation_slot(cancel_.slot(), std::move(done)));
        loop().run();
        if (error_)
            std::rethrow_exception(error_);
        if (!finished_)
            throw std::logic_error("zproc: the function waits for what can no longer happen");
    }

    [[noreturn]] void run()
    {
        std::set_terminate(&running_call::on_terminate);
        activate_throw_stacks();
        remember_last_lines();
        arm_crash_handlers(channel_, call_.name, call_.owner, crash_endings());
        try {
            error_code ec;
            const auto function = resolve(call_.function, ec);
            if (ec)
                throw system_error(ec);
            target_ = function.target;
            function.stub(*this);
            // Whoever wanted it may have dropped it, with its loop: that is no failure of ours.
            if (const auto failed = send_packet(channel_, packet_kind::result, result_);
                failed && failed != boost::system::errc::broken_pipe)
                throw system_error(failed, "the result could not be sent");
        } catch (const process_exit& wanted) {
            send_packet(channel_, packet_kind::exit_code, std::to_string(wanted.code));
            if (wanted.code != 0)
                send_last_lines();
            leave(representable(wanted.code));
        } catch (...) {
            fail(std::current_exception());
        }
        leave(EXIT_SUCCESS);
    }

private:
    /// Stops the loop when the completion handler that owns it is gone, called or not: a coroutine
    /// that was destroyed while it waited would otherwise leave a process that does nothing.
    class loop_stopper {
    public:
        explicit loop_stopper(asio::io_context& io) : io_(&io) {}
        loop_stopper(loop_stopper&& other) noexcept : io_(std::exchange(other.io_, nullptr)) {}
        ~loop_stopper()
        {
            if (io_ != nullptr)
                io_->stop();
        }

    private:
        asio::io_context* io_;
    };

    /// Six system calls, which a plain function has no use for.
    asio::io_context& loop()
    {
        if (io_ == nullptr)
            io_ = std::make_unique<asio::io_context>();
        return *io_;
    }

    static loop_stopper at_end(asio::io_context& io) { return loop_stopper(io); }

    restart_history::time_point now() const
    {
        return std::chrono::steady_clock::now().time_since_epoch();
    }

    /// What is said below the report of a fault; the handler itself cannot reckon.
    crash_text crash_endings() const
    {
        if (start_.history == nullptr)
            return {};
        const auto& history = *start_.history;
        const auto healthy = now() + history.rules().healthy_after;
        crash_text text;
        text.early = retry_text(history, start_.attempt, now(), true);
        text.late = retry_text(history, start_.attempt, healthy, true);
        text.otherwise = retry_text(history, start_.attempt, now(), false);
        text.late_at = healthy;
        for (const int number : fault_signals)
            if (permits(history.rules(), {true, number}, std::nullopt))
                text.permitted.push_back(number);
        return text;
    }

    /// The supervisor does not know exceptions: it is told whether another run may follow.
    bool pronounce()
    {
        if (start_.history == nullptr)
            return false;
        const auto& rules = start_.history->rules();
        may_retry_ = false;
        for (const auto& each : call_.retried) {
            error_code ec;
            const auto filter = resolve(each, ec);
            if (!ec)
                try_out(filter.stub);
        }
        std::vector<std::byte> bytes;
        encode(message::threw{may_retry_}, bytes);
        send_packet(start_.control, bytes, {});
        return permits(rules, {false, EXIT_FAILURE}, may_retry_);
    }

    [[noreturn]] void fail(const std::exception_ptr& error)
    {
        // Who was asked to stop and did is no failure: it ends by the signal that asked.
        if (const int asked = stop_signals::first(); asked != 0 && is_cancellation(error)) {
            std::cout.flush();
            std::fflush(nullptr);
            end_by_signal(asked);
        }
        report(error);
        leave(EXIT_FAILURE);
    }

    /// The system keeps eight bits of a code: 256 would look like success.
    int representable(int code)
    {
        if (code >= 0 && code <= 255)
            return code;
        std::signal(SIGPIPE, SIG_IGN);
        write_to_error("zproc: process '" + call_.name + "' (pid " + std::to_string(own_number()) +
                       ") asked for exit code " + std::to_string(code) +
                       ", which is not in 0 to 255: it ends with 255\n  spawned by pid " +
                       std::to_string(call_.owner) + '\n');
        return 255;
    }

    void send_last_lines()
    {
        const auto lines = last_lines();
        if (!lines.first.empty())
            send_packet(channel_, packet_kind::last_lines,
                        std::string(lines.first).append(lines.second));
    }

    /// What a user's code does with the exception must not take the place of it.
    void try_out(detail::stub_entry stub)
    {
        try {
            if (failure_ != nullptr) // null: what another language threw
                stub(*this);
        } catch (...) { // NOLINT(bugprone-empty-catch): it is reported as all others
        }
    }

    /// The exception, where the owner can throw it again.
    void send_itself()
    {
        for (std::size_t i = 0; i != call_.carried.size(); ++i) {
            error_code ec;
            const auto carrier = resolve(call_.carried[i], ec);
            if (!ec)
                try_out(carrier.stub);
            if (carried_) {
                send_packet(channel_, packet_kind::thrown, encode(thrown_exception{i, *carried_}));
                return;
            }
        }
    }

    static void write_to_error(const std::string& text)
    {
        const auto written = ::write(STDERR_FILENO, text.data(), text.size());
        static_cast<void>(written);
    }

    /// To the owner as data, to people in words; one write, so that reports do not mix.
    void report(const std::exception_ptr& error)
    {
        // Whoever read our output may be gone: that must not become the cause of death.
        std::signal(SIGPIPE, SIG_IGN);
        failure_ = error;
        const bool permitted = pronounce();
        const auto what = describe(error, call_.name);
        send_packet(channel_, packet_kind::exception, encode(what));
        send_itself();
        send_last_lines();
        std::cout.flush();
        std::fflush(nullptr);
        std::ostringstream text;
        text << "zproc: " << what << "\n  spawned by pid " << call_.owner << '\n';
        if (start_.history != nullptr)
            if (const auto next = retry_text(*start_.history, start_.attempt, now(), permitted);
                !next.empty())
                text << "  " << next << '\n';
        write_to_error(text.str());
    }

    /// An exception where none may be: it is reported, then SIGABRT ends the process as usual.
    [[noreturn]] static void on_terminate()
    {
        if (const auto error = std::current_exception())
            instance_->report(error);
        std::abort();
    }

    static inline running_call* instance_ = nullptr;

    const child_start& start_;
    const int channel_;
    const call_message call_;
    std::unique_ptr<asio::io_context> io_;
    std::optional<stop_signals> signals_;
    asio::cancellation_signal cancel_;
    std::shared_ptr<context> context_;
    std::uintptr_t target_ = 0;
    std::string result_;
    bool finished_ = false;
    std::exception_ptr error_;
    std::exception_ptr failure_;
    bool may_retry_ = false;
    std::optional<std::string> carried_;
};

} // namespace

namespace {

/// What the program had printed but not written when it was forked is its own to write.
void forget_unwritten_output()
{
    ::__fpurge(stdin);
    ::__fpurge(stdout);
    ::__fpurge(stderr);
}

/// Of a process that may run again the call is in a file, for all runs, and often another one for
/// those after the first.
std::optional<call_message> read_call(const child_start& start)
{
    if (const auto files = start.descriptors.size() - 1; files != 0) {
        const auto body = read_file(start.descriptors[std::min<std::size_t>(start.attempt, files)]);
        return body ? decode_call(*body) : std::nullopt;
    }
    error_code ec;
    const auto received = receive_packet(start.descriptors.front(), true, ec);
    if (!received || received->kind != packet_kind::call) // the owner is gone
        return std::nullopt;
    return decode_call(received->body);
}

} // namespace

void set_context_maker(context_maker maker) noexcept
{
    make_context = maker;
}

void rehearse()
{
    forget_unwritten_output();
    remember_last_lines();
    make_ready_for_crashes();
    static_cast<void>(module_at(reinterpret_cast<std::uintptr_t>(&rehearse)));
    // A first call looks a name up, which touches pages that a fork does not take along.
    std::set_terminate(std::get_terminate());
    static_cast<void>(std::chrono::steady_clock::now());
    std::array<char, 32> text{};
    const auto length = std::snprintf(text.data(), text.size() / 2, "%d", ::getppid());
    [[maybe_unused]] const volatile int order =
        std::memcmp(text.data(), text.data() + length, static_cast<std::size_t>(length));
}

int function_entry(const child_start& start)
{
    forget_unwritten_output();

    if (start.descriptors.empty())
        return EXIT_FAILURE;
    const int channel = start.descriptors.front();
    auto call = read_call(start);
    if (!call)
        return EXIT_FAILURE;
    running_call(start, channel, std::move(*call)).run();
}

ZPROC_SUPERVISION_ENTRY(spawned_function, &function_entry);

} // namespace zproc::supervision
