#include "cli/serve.hpp"

#include "context/certificates.hpp"
#include "server/state_process.hpp"

#include <zproc/context.hpp>
#include <zproc/run.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <unistd.h>

namespace zproc::cli {
namespace {

namespace asio = boost::asio;

constexpr const char* usage =
    "usage: zproc serve ADDRESS… [--secret-file FILE] [--journal-size BYTES]\n"
    "                   [--tls-certificate FILE --tls-key FILE [--tls-authorities FILE]]\n"
    "                   [--data DIR [--fsync never|interval|commit] [--salvage]]\n"
    "                   [--busy-poll MICROSECONDS]\n"
    "       an ADDRESS is unix:///PATH, tcp://HOST:PORT or tcp://[IPV6]:PORT\n";

constexpr std::size_t longest_poll = 1'000'000; // µs

/// Ends by a signal, or with what went wrong.
asio::awaitable<int> serve_until_stopped(context ctx)
{
    diagnostics why;
    try {
        co_await ctx.state().size(why);
        pid_t server = (co_await ctx.ping()).pid;
        for (const auto& each : ctx.addresses())
            serving::log_line("serving " + each + " (state process " + std::to_string(server) +
                              ")");
        auto processes = ctx.state("zproc.processes").when_change({.own = true});
        for (;;) {
            co_await processes.next();
            const pid_t now = (co_await ctx.ping()).pid;
            if (now != server)
                serving::log_line("state process " + std::to_string(server) + " has died, " +
                                  std::to_string(now) + " serves in its place; nothing was lost");
            server = now;
        }
    } catch (const system_error& e) {
        if (e.code() == asio::error::operation_aborted)
            throw;
        serving::log_line("cannot serve: " + (why.text.empty() ? e.code().message() : why.text));
    }
    co_return EXIT_FAILURE;
}

bool take(std::string_view text, context_options& options)
{
    if (text == "never")
        options.fsync(fsync_policy::never);
    else if (text == "interval")
        options.fsync(fsync_policy::interval);
    else if (text == "commit")
        options.fsync(fsync_policy::commit);
    else
        return false;
    return true;
}

/// False when it is no number.
bool take(std::string_view text, std::size_t& number)
{
    const auto* const end = text.data() + text.size();
    const auto [stopped, ec] = std::from_chars(text.data(), end, number);
    return ec == std::errc() && stopped == end;
}

} // namespace

int serve(int argc, char** argv)
{
    context_options options;
    options.start_server();
    bool anywhere = false;
    for (int i = 0; i != argc; ++i) {
        const std::string_view word = argv[i];
        std::size_t number = 0;
        if (word == "--journal-size" && i + 1 != argc && take(argv[i + 1], number)) {
            options.journal_size(number);
            ++i;
        } else if (word == "--busy-poll" && i + 1 != argc && take(argv[i + 1], number)) {
            options.busy_poll(std::chrono::microseconds(std::min(number, longest_poll)));
            ++i;
        } else if (word == "--secret-file" && i + 1 != argc) {
            options.secret_file(argv[++i]);
        } else if (word.starts_with("--tls-") && i + 1 != argc &&
                   detail::set_tls_file(word.substr(6), argv[i + 1], options)) {
            ++i;
        } else if (word == "--data" && i + 1 != argc) {
            options.data(argv[++i]);
        } else if (word == "--fsync" && i + 1 != argc && take(argv[i + 1], options)) {
            ++i;
        } else if (word == "--salvage") {
            options.salvage();
        } else if (!word.starts_with('-')) {
            options.listen(std::string(word));
            anywhere = true;
        } else {
            std::fputs(usage, stderr);
            return 2;
        }
    }
    if (!anywhere) {
        std::fputs(usage, stderr);
        return 2;
    }
    const int code = run(&serve_until_stopped, options);
    // A signal is how it is meant to end.
    if (code == 128 + SIGINT || code == 128 + SIGTERM) {
        serving::log_line("stopped");
        return EXIT_SUCCESS;
    }
    return code;
}

} // namespace zproc::cli
