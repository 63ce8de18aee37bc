// Commands: programs that are run instead of functions.

#include "integration/holds.hpp"
#include "support/sandbox.hpp"

#include <zproc/command.hpp>
#include <zproc/context.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using namespace zproc;
using zproc::test::checks;
using zproc::test::holds;

command shell(const char* script)
{
    command made("sh");
    made.arg("-c").arg(script);
    return made;
}

asio::awaitable<std::string> all_of(asio::readable_pipe& from)
{
    std::string text;
    const auto [ec, size] = co_await asio::async_read(from, asio::dynamic_buffer(text),
                                                      asio::as_tuple(asio::use_awaitable));
    static_cast<void>(size);
    if (ec != asio::error::eof)
        throw system_error(ec);
    co_return text;
}

asio::awaitable<std::string> output_of(context ctx, command what)
{
    what.output(stdio::pipe());
    auto p = co_await ctx.spawn(what);
    auto text = co_await all_of(p.out());
    co_await p.result();
    co_return text;
}

asio::awaitable<error_code> failure_of(context ctx, command what)
{
    const auto [ec, p] = co_await ctx.spawn(what, asio::as_tuple(asio::use_awaitable));
    co_return ec;
}

error_code system(int number)
{
    return {number, boost::system::system_category()};
}

std::string content(const std::string& path)
{
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

BOOST_AUTO_TEST_SUITE(commands)

BOOST_AUTO_TEST_CASE(program_gets_arguments_environment_and_directory)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto words = command("printf");
        words.args({"<%s>", "a b", "", "c"});
        check(co_await output_of(ctx, words) == "<a b><><c>", "arguments as they are");
        ::setenv("ZPROC_TEST", "inherited", 1);
        const auto show = shell("echo $ZPROC_TEST $ZPROC_OTHER");
        check(co_await output_of(ctx, show) == "inherited\n", "the environment as it is now");
        check(co_await output_of(ctx, command(show).env("ZPROC_OTHER", "x")) == "inherited x\n",
              "one more variable");
        check(co_await output_of(ctx, command(show).env("ZPROC_TEST", "y")) == "y\n", "another");
        check(co_await output_of(ctx, command(show).unset_env("ZPROC_TEST")) == "\n", "without");
        auto bare = command("/usr/bin/env");
        check(co_await output_of(ctx, bare.clear_env().env("ONLY", "1")) == "ONLY=1\n", "nothing");
        check(co_await output_of(ctx, command("pwd").directory("/")) == "/\n", "a directory");
    }));
}

BOOST_AUTO_TEST_CASE(streams_are_pipes_files_and_descriptors)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto cat = co_await ctx.spawn(
            command("cat").input(stdio::pipe()).output(stdio::pipe()).error(stdio::null()));
        const std::string text(1 << 20, 'x');
        auto writer = [&]() -> asio::awaitable<void> {
            co_await asio::async_write(cat.in(), asio::buffer(text), asio::use_awaitable);
            cat.in().close();
        };
        asio::co_spawn(ctx.get_executor(), writer(), asio::detached);
        check(co_await all_of(cat.out()) == text, "a megabyte there and back");
        co_await cat.result();

        auto both = co_await ctx.spawn(
            command(shell("echo out; echo err >&2")).output(stdio::pipe()).error(stdio::pipe()));
        check(co_await all_of(both.out()) == "out\n", "output");
        check(co_await all_of(both.err()) == "err\n", "error");

        const auto directory = std::filesystem::temp_directory_path() /
                               ("zproc-command-" + std::to_string(::getpid()));
        std::filesystem::create_directory(directory);
        const std::string path = directory / "out";
        for (int i = 0; i != 2; ++i) {
            auto to_file = co_await ctx.spawn(command("echo").arg("1").output(stdio::file(path)));
            co_await to_file.result();
        }
        check(content(path) == "1\n", "a file is emptied");
        auto added = co_await ctx.spawn(command("echo").arg("2").output(stdio::append(path)));
        co_await added.result();
        check(content(path) == "1\n2\n", "or added to");
        check(co_await output_of(ctx, command("cat").input(stdio::file(path))) == "1\n2\n",
              "and read");
        std::filesystem::remove_all(directory);
    }));
}

BOOST_AUTO_TEST_CASE(failure_of_exec_is_an_error_of_the_spawn)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        check(co_await failure_of(ctx, command("no-such-program-anywhere")) == system(ENOENT),
              "no such program");
        check(co_await failure_of(ctx, command("/etc/passwd")) == system(EACCES), "no program");
        check(co_await failure_of(ctx, command("true").directory("/no/such")) == system(ENOENT),
              "no such directory");
        check(co_await failure_of(ctx, command("true").input(stdio::file("/no/such"))) ==
                  system(ENOENT),
              "no such file");
        check(co_await failure_of(ctx, command("true")) == error_code(), "and one that is there");
        const auto [ec, p] = co_await ctx.spawn(spawn_options{}.linked(), command("no-such-thing"),
                                                asio::as_tuple(asio::use_awaitable));
        check(ec == system(ENOENT), "and of one that was to be linked");
        co_await failure_of(ctx, command("true")); // with which nobody falls
    }));
}

BOOST_AUTO_TEST_CASE(end_of_a_program_is_told_exactly)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto three = co_await ctx.spawn(shell("exit 3"));
        check((co_await three.wait()).code == 3, "a code");
        try {
            co_await three.result();
            check(false, "throws");
        } catch (const process_exited& e) {
            check(e.code() == 3, "as result does");
        }
        auto killed = co_await ctx.spawn(shell("kill -9 $$"));
        check((co_await killed.wait()).signal == SIGKILL, "a signal");
        check(three.name() == "sh", "its name");
    }));
}

BOOST_AUTO_TEST_CASE(stop_ends_what_the_program_has_left_behind)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto p = co_await ctx.spawn(
            command(shell("trap '' TERM; setsid sleep 1000 & echo $!; sleep 1000; sleep 1000"))
                .output(stdio::pipe()));
        std::string line;
        co_await asio::async_read_until(p.out(), asio::dynamic_buffer(line), '\n',
                                        asio::use_awaitable);
        const auto daemon = std::stoi(line);
        check(::kill(daemon, 0) == 0, "it runs");
        co_await p.stop(50ms);
        co_await ctx.shutdown(50ms); // completes when nothing is left
        check(::kill(daemon, 0) != 0 && errno == ESRCH, "and falls with it");
    }));
}

BOOST_AUTO_TEST_CASE(program_runs_again_as_its_policy_says)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        auto policy = restart_policy::on_failure().for_codes(3).limit(2).delay(1ms);
        auto p = co_await ctx.spawn(spawn_options{}.restart(policy), shell("exit 3"));
        const auto end = co_await p.wait();
        check(end.code == 3 && end.restarts == 2, "twice");
    }));
}

BOOST_AUTO_TEST_CASE(limits_are_as_they_are_at_the_spawn)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        rlimit core{};
        ::getrlimit(RLIMIT_CORE, &core);
        rlimit fewer{64, core.rlim_max};
        ::getrlimit(RLIMIT_NOFILE, &core);
        fewer.rlim_max = core.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &fewer);
        check(co_await output_of(ctx, shell("ulimit -S -n")) == "64\n", "of a program");
        auto f = co_await ctx.spawn([] {
            rlimit now{};
            ::getrlimit(RLIMIT_NOFILE, &now);
            return static_cast<int>(now.rlim_cur);
        });
        check(co_await f.result() == 64, "of a function");
    }));
}

BOOST_AUTO_TEST_CASE(null_characters_are_refused)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const std::string sly("user\0--injected", 15);
        const auto refused = [&](const command& what) -> asio::awaitable<void> {
            error_code ec;
            static_cast<void>(
                co_await ctx.spawn(what, asio::redirect_error(asio::use_awaitable, ec)));
            check(ec == boost::system::errc::invalid_argument, "refused");
        };
        co_await refused(command("printf").arg(sly));
        co_await refused(command("printf").env("NAME", sly));
        co_await refused(command("printf").directory(sly));
    }));
}

BOOST_AUTO_TEST_CASE(directory_is_relative_to_that_of_the_spawn)
{
    BOOST_TEST(holds([](context ctx, checks& check) -> asio::awaitable<void> {
        const auto here = test::sandbox::directory() / "here";
        std::filesystem::create_directories(here / "below");
        std::filesystem::current_path(here);
        auto p = co_await ctx.spawn(command("pwd").directory("below").output(stdio::pipe()));
        const auto said = co_await all_of(p.out());
        check(said == (here / "below").string() + '\n', "the one below");
        std::filesystem::current_path("/");
        std::filesystem::remove_all(here);
    }));
}

BOOST_AUTO_TEST_SUITE_END()
