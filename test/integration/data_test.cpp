// Servers that keep their state in a directory: `zproc serve --data`, and contexts.

#include "integration/forked_root.hpp"
#include "support/sandbox.hpp"

#include <zproc/run.hpp>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

namespace asio = boost::asio;
using zproc::context;
using zproc::context_options;
using zproc::errc;
using zproc::error_code;
using zproc::test::checks;
using zproc::test::forked_root;

namespace {

std::string fresh_path(const char* what)
{
    static int count = 0;
    return zproc::test::sandbox::directory() / (what + std::to_string(++count));
}

/// A directory that goes with the test.
class scratch {
public:
    scratch() : path_(fresh_path("data-")) {}
    ~scratch() { std::filesystem::remove_all(path_); }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    operator const std::string&() const { return path_; }

private:
    std::string path_;
};

/// `zproc serve` with a data directory, as a person starts it.
class served {
public:
    served(const std::string& path, const std::string& data,
           const std::vector<std::string>& more = {}, const std::function<void()>& before = {})
        : root_([&] {
              ::dup2(1, 2);
              if (before)
                  before();
              const auto program =
                  (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "zproc")
                      .string();
              std::vector<std::string> words{"zproc", "serve", "unix://" + path, "--data", data};
              words.insert(words.end(), more.begin(), more.end());
              std::vector<char*> arguments;
              for (auto& word : words)
                  arguments.push_back(word.data());
              arguments.push_back(nullptr);
              ::execv(program.c_str(), arguments.data());
              return 127;
          })
    {
    }

    /// The next line with that in it; empty at the end.
    std::string line_with(const char* part)
    {
        for (;;) {
            auto line = root_.line();
            if (line.empty() || line.find(part) != std::string::npos)
                return line;
        }
    }
    bool says(const char* part) { return !line_with(part).empty(); }
    /// Kills the program; what it has started ends with it.
    void kill()
    {
        ::kill(root_.pid(), SIGKILL);
        root_.wait();
        line_with("the end of its standard error, which all of them have open");
    }
    int stop()
    {
        ::kill(root_.pid(), SIGTERM);
        return root_.wait();
    }
    int wait() { return root_.wait(); }
    pid_t pid() const { return root_.pid(); }

private:
    forked_root root_;
};

constexpr int no_small_disk = 99;

/// A file system of that size in place of the directory, for this process and what it starts.
bool enter_small_disk(const std::string& directory, const char* size)
{
    const auto id = std::to_string(::geteuid()) + ' ' + std::to_string(::geteuid()) + " 1\n";
    if (::unshare(CLONE_NEWNS) != 0) {
        if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return false;
        std::ofstream("/proc/self/uid_map") << id;
    }
    return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("zproc-test", directory.c_str(), "tmpfs", 0, size) == 0;
}

/// A program of its own that joins the server.
template <class Body>
bool joined(const std::string& path, Body body)
{
    forked_root root([&] {
        ::alarm(60);
        checks check;
        const int code = zproc::run([&](context ctx) { return body(ctx, check); },
                                    context_options().address("unix://" + path));
        check(code == 0, "the main function returns");
        return check.result();
    });
    return root.succeeds();
}

std::vector<std::filesystem::path> segments(const std::string& data)
{
    std::vector<std::filesystem::path> found;
    for (const auto& each : std::filesystem::directory_iterator(data))
        if (each.path().filename().string().starts_with("segment-"))
            found.push_back(each.path());
    std::ranges::sort(found);
    return found;
}

/// What a context with data in that directory says to its first request.
template <class Check>
bool fails(const context_options& options, Check check_code)
{
    forked_root root([&] {
        ::alarm(60);
        checks check;
        const int code = zproc::run(
            [&](context ctx) -> asio::awaitable<void> {
                error_code ec;
                co_await ctx.state().set("k", 1, asio::redirect_error(asio::use_awaitable, ec));
                check(check_code(ec), "the error says what it is");
            },
            options);
        check(code == 0, "the main function returns");
        return check.result();
    });
    return root.succeeds();
}

} // namespace

BOOST_AUTO_TEST_SUITE(data)

BOOST_AUTO_TEST_CASE(state_is_there_after_everything_was_killed)
{
    for (const char* fsync : {"commit", "interval", "never"}) {
        BOOST_TEST_CONTEXT(fsync)
        {
            const auto path = fresh_path("data-socket-");
            const scratch data;
            const std::string& directory = data;
            {
                served server(path, directory, {"--fsync", fsync});
                BOOST_TEST(server.says("serving"));
                BOOST_TEST(joined(path, [](context ctx, checks&) -> asio::awaitable<void> {
                    auto state = ctx.state();
                    for (int i = 0; i != 200; ++i)
                        co_await state.increment("count");
                    co_await state.set("gone", 1);
                    co_await state.erase("gone");
                    co_await ctx.state("other").set("text", std::string(3000, 'x'));
                }));
                server.kill();
            }
            served server(path, directory, {"--fsync", fsync});
            BOOST_TEST(server.says("replayed"));
            BOOST_TEST(joined(path, [](context ctx, checks& check) -> asio::awaitable<void> {
                auto state = ctx.state();
                check(co_await state.get("count") == 200, "the last value");
                check(!co_await state.contains("gone"), "what was erased stays so");
                const auto text = co_await ctx.state("other").get<std::string>("text");
                check(text == std::string(3000, 'x'), "other namespaces, too");
                const auto past = co_await state.history("count");
                check(past.size() == 200, "the history of it");
                zproc::watch_options options;
                options.since = 199;
                options.own = true;
                auto watcher = state.when_change("count", options);
                const auto event = co_await watcher.next();
                check(event && event->revision == 200 && event->changes[0].after == 200,
                      "watchers begin in the past");
                check(co_await state.increment("count") == 201, "and it goes on");
            }));
            BOOST_TEST(WEXITSTATUS(server.stop()) == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(state_process_that_is_killed_has_a_successor_and_so_has_that_after_a_stop)
{
    const auto path = fresh_path("data-socket-");
    const scratch data;
    const std::string& directory = data;
    for (int round = 0; round != 3; ++round) {
        served server(path, directory);
        BOOST_TEST(server.says("serving"));
        BOOST_TEST(joined(path, [round](context ctx, checks& check) -> asio::awaitable<void> {
            auto state = ctx.state();
            for (int kill = 0; kill != 3; ++kill) {
                const int before = round * 30 + kill * 10;
                const int found = co_await state.get_or("count", 0);
                check(found == before, "everything is there");
                for (int i = 0; i != 10; ++i)
                    co_await state.increment("count");
                const zproc::pong answer = co_await ctx.ping();
                ::kill(answer.pid, SIGKILL);
            }
            const int found = co_await state.get_or("count", 0);
            check(found == round * 30 + 30, "also after the last one");
        }));
        BOOST_TEST(WEXITSTATUS(server.stop()) == 0);
    }
}

BOOST_AUTO_TEST_CASE(watcher_goes_on_over_the_restart_of_everything)
{
    const auto path = fresh_path("data-socket-");
    const scratch data;
    const std::string& directory = data;
    auto server = std::make_unique<served>(path, directory);
    BOOST_TEST(server->says("serving"));
    forked_root root([&] {
        ::alarm(60);
        checks check;
        const int code = zproc::run(
            [&](context ctx) -> asio::awaitable<void> {
                auto state = ctx.state();
                zproc::watch_options options;
                options.own = true;
                auto watcher = state.when_change("count", options);
                for (int i = 1; i != 10; ++i) {
                    co_await state.set("count", i);
                    const auto event = co_await watcher.next();
                    check(event && event->revision == std::uint64_t(i), "each revision");
                    if (i == 5) {
                        zproc::test::say("half", 1);
                        ::raise(SIGSTOP);
                    }
                }
            },
            context_options().address("unix://" + path));
        check(code == 0, "the main function returns");
        return check.result();
    });
    BOOST_TEST(root.number("half") == 1);
    int status = 0;
    BOOST_TEST_REQUIRE(::waitpid(root.pid(), &status, WUNTRACED) == root.pid());
    BOOST_TEST_REQUIRE(WIFSTOPPED(status));
    server->kill();
    server = std::make_unique<served>(path, directory);
    BOOST_TEST(server->says("serving"));
    ::kill(root.pid(), SIGCONT);
    BOOST_TEST(root.succeeds());
    server->stop();
}

BOOST_AUTO_TEST_CASE(second_server_in_a_directory_says_that_there_is_one)
{
    const scratch data;
    const std::string& directory = data;
    const auto path = fresh_path("data-socket-");
    served first(path, directory);
    BOOST_TEST(first.says("serving"));
    served second(fresh_path("data-socket-"), directory);
    BOOST_TEST(second.says("another server uses the data directory"));
    BOOST_TEST(WEXITSTATUS(second.wait()) == 1);
    BOOST_TEST(fails(context_options().data(directory),
                     [](const error_code& ec) { return ec == errc::data_in_use; }));
    // Not even while its state process is being replaced.
    BOOST_TEST(joined(path, [](context ctx, checks&) -> asio::awaitable<void> {
        const zproc::pong answer = co_await ctx.ping();
        ::kill(answer.pid, SIGKILL);
    }));
    BOOST_TEST(fails(context_options().data(directory),
                     [](const error_code& ec) { return ec == errc::data_in_use; }));
    first.stop();
    BOOST_TEST(fails(context_options().data(directory),
                     [](const error_code& ec) { return !ec.failed(); }));
}

BOOST_AUTO_TEST_CASE(damage_is_reported_and_what_is_whole_can_be_salvaged)
{
    const scratch data;
    const std::string& directory = data;
    const auto path = fresh_path("data-socket-");
    {
        served server(path, directory);
        BOOST_TEST(server.says("serving"));
        BOOST_TEST(joined(path, [](context ctx, checks&) -> asio::awaitable<void> {
            for (int i = 0; i != 100; ++i)
                co_await ctx.state().set("count", i);
        }));
        server.stop();
    }
    const auto files = segments(directory);
    BOOST_TEST_REQUIRE(files.size() >= 2u);
    {
        std::fstream file(files.front(), std::ios::in | std::ios::out | std::ios::binary);
        const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(files[0]) / 2);
        file.seekp(middle);
        file.put('!').put('?');
    }
    {
        served server(path, directory);
        BOOST_TEST(server.says("is damaged"));
        BOOST_TEST(server.says("cannot serve: the data directory holds damaged"));
        BOOST_TEST(WEXITSTATUS(server.wait()) == 1);
        BOOST_TEST((segments(directory) == files));
    }
    served server(path, directory, {"--salvage"});
    BOOST_TEST(server.says("salvaging"));
    BOOST_TEST(joined(path, [](context ctx, checks& check) -> asio::awaitable<void> {
        const int found = co_await ctx.state().get<int>("count");
        check(found > 10 && found < 90, "what came before the damage");
    }));
    BOOST_TEST(std::filesystem::exists(files[0].string() + ".damaged"));
    server.stop();
}

BOOST_AUTO_TEST_CASE(data_of_another_version_is_left_alone)
{
    const scratch data;
    const std::string& directory = data;
    std::filesystem::create_directory(directory);
    {
        std::ofstream file(directory + "/segment-000000000001", std::ios::binary);
        std::string bytes("ZPROCD\r\n\x07\0\0\0", 12);
        bytes.resize(300);
        file << bytes;
    }
    served server(fresh_path("data-socket-"), directory);
    BOOST_TEST(server.says("another version of zproc"));
    BOOST_TEST(server.says("cannot serve"));
    BOOST_TEST(WEXITSTATUS(server.wait()) == 1);
    BOOST_TEST(segments(directory).size() == 1u);
}

BOOST_AUTO_TEST_CASE(directory_that_cannot_be_made_is_an_error_of_the_first_request)
{
    BOOST_TEST(fails(context_options().data("/proc/no such place"), [](const error_code& ec) {
        return ec == boost::system::errc::no_such_file_or_directory;
    }));
}

BOOST_AUTO_TEST_CASE(full_disk_refuses_changes_until_there_is_room)
{
    const scratch data;
    const std::string& directory = data;
    const auto path = fresh_path("data-socket-");
    std::filesystem::create_directory(directory);
    const auto filler = directory + "/filler";
    served server(path, directory, {}, [&] {
        if (!enter_small_disk(directory, "size=14m"))
            ::_exit(no_small_disk);
        std::ofstream(filler, std::ios::binary) << std::string(8u << 20, 'f');
    });
    if (!server.says("serving")) {
        BOOST_TEST_REQUIRE(WEXITSTATUS(server.wait()) == no_small_disk);
        BOOST_TEST_MESSAGE("no small disk can be made here");
        return;
    }
    const auto seen = "/proc/" + std::to_string(server.pid()) + "/root" + filler;
    BOOST_TEST_REQUIRE(std::filesystem::exists(seen));
    BOOST_TEST(joined(path, [&seen](context ctx, checks& check) -> asio::awaitable<void> {
        auto state = ctx.state();
        error_code ec;
        int made = 0;
        for (; made != 200; ++made) {
            co_await state.set("k" + std::to_string(made), std::string(100'000, 'x'),
                               asio::redirect_error(asio::use_awaitable, ec));
            if (ec)
                break;
        }
        check(ec == errc::disk_full, "a change is refused");
        check(made > 5, "at last");
        check(co_await state.size() == static_cast<std::size_t>(made), "nothing was changed");
        check(co_await state.contains("k0"), "reading goes on");
        std::filesystem::remove(seen);
        co_await state.set("later", std::string(100'000, 'y'));
        check(co_await state.contains("later"), "writing goes on");
    }));
    BOOST_TEST(server.says("no room"));
    server.stop();
}

BOOST_AUTO_TEST_SUITE_END()
