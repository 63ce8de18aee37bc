#include "context/certificates.hpp"
#include "supervisor/exception_report.hpp"
#include "supervisor/isolation.hpp"
#include "supervisor/prepare.hpp"
#include "supervisor/stop_signals.hpp"

#include <zproc/run.hpp>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string_view>
#include <system_error>

namespace zproc::detail {

namespace {

/// The first SIGINT and the first SIGTERM together are one request to stop; the same one again
/// ends the program at once, and the supervisor cleans up after it.
class stop_request {
public:
    explicit stop_request(asio::io_context& io) : signals_(io, SIGINT, SIGTERM) { wait(); }

    asio::cancellation_slot slot() { return cancel_.slot(); }
    int first() const noexcept { return first_; }
    void close() { signals_.cancel(); }

private:
    void wait()
    {
        signals_.async_wait([this](error_code ec, int number) {
            if (ec)
                return;
            if (seen_[number == SIGINT])
                supervision::end_by_signal(number);
            seen_[number == SIGINT] = true;
            if (first_ == 0) {
                first_ = number;
                cancel_.emit(asio::cancellation_type::terminal);
            }
            wait();
        });
    }

    asio::signal_set signals_;
    asio::cancellation_signal cancel_;
    int first_ = 0;
    bool seen_[2] = {false, false};
};

/// Instead of the function of `run`.
asio::awaitable<int> be_workers(context ctx, const run_options& options)
{
    co_await ctx.join_swarm(options.workers_for(), options.join());
    co_return EXIT_SUCCESS;
}

int exit_code(const std::exception_ptr& error, int stopped_by)
{
    try {
        std::rethrow_exception(error);
    } catch (const process_exit& wanted) {
        return wanted.code;
    } catch (...) {
        if (stopped_by != 0 && supervision::is_cancellation(error))
            return 128 + stopped_by;
        std::cout.flush();
        std::cerr << "zproc: " << supervision::describe(error, "the main function") << std::endl;
        return EXIT_FAILURE;
    }
}

std::optional<std::size_t> number_in(std::string_view text)
{
    std::size_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec == std::errc() && read.ptr == end ? std::optional(number) : std::nullopt;
}

} // namespace

int run_main(const run_options& options, std::function<asio::awaitable<int>(context)> body)
{
    if (!options.workers_for().empty())
        body = [&options](context ctx) { return be_workers(std::move(ctx), options); };
    // Where this fails, whatever needs a supervisor says so.
    static_cast<void>(supervision::prepare(options.isolation()));
    asio::io_context io(1);
    context ctx(io, options);
    stop_request stop(io);
    int code = EXIT_SUCCESS;
    asio::co_spawn(
        io, body(ctx),
        asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr error, int returned) {
            code = error ? exit_code(error, stop.first()) : returned;
            const auto shut_down = [&](error_code) {
                ctx.shutdown(options.grace(), [&](error_code) { stop.close(); });
            };
            if (options.wait_at_exit() && !error && stop.first() == 0)
                ctx.wait(asio::bind_cancellation_slot(stop.slot(), shut_down));
            else
                shut_down({});
        }));
    io.run();
    return code;
}

void take_arguments(int& argc, char** argv, run_options& options)
{
    constexpr std::string_view tls_prefix = "--zproc-tls-";
    int kept = 1;
    for (int i = 1; i < argc; ++i) {
        std::string_view name = argv[i];
        std::string_view value;
        if (!name.starts_with("--zproc-")) {
            argv[kept++] = argv[i];
            continue;
        }
        if (const auto equals = name.find('='); equals != name.npos) {
            value = name.substr(equals + 1);
            name = name.substr(0, equals);
        } else if (i + 1 < argc) {
            value = argv[++i];
        }
        if (name == "--zproc-address" && !value.empty())
            options.address(std::string(value));
        else if (name == "--zproc-secret-file" && !value.empty())
            options.secret_file(std::string(value));
        else if (!value.empty() && name.starts_with(tls_prefix) &&
                 set_tls_file(name.substr(tls_prefix.size()), std::string(value), options))
            continue;
        else if (name == "--zproc-namespace" && !value.empty())
            options.default_namespace(std::string(value));
        else if (name == "--zproc-workers" && !value.empty())
            options.workers_for(std::string(value), options.join());
        else if (const auto count = number_in(value);
                 name == "--zproc-workers-count" && count && *count > 0)
            options.workers_for(options.workers_for(),
                                join_options(options.join()).workers(*count));
        else if (const auto level = supervision::level_named(value);
                 name == "--zproc-isolation" && level)
            options.isolation(*level);
        else
            throw system_error(errc::bad_address,
                               std::string(name) +
                                   ": known are --zproc-address ADDRESS, --zproc-secret-file "
                                   "FILE, --zproc-tls-certificate FILE, --zproc-tls-key FILE, "
                                   "--zproc-tls-authorities FILE, --zproc-namespace NAME, "
                                   "--zproc-workers ADDRESS, --zproc-workers-count N and "
                                   "--zproc-isolation standard|cgroup|pid_namespace");
    }
    argc = std::min(argc, kept);
    argv[argc] = nullptr;
}

} // namespace zproc::detail
