#include "supervisor/guardian.hpp"

#include "supervisor/forkserver.hpp"
#include "supervisor/last_words.hpp"
#include "supervisor/messages.hpp"
#include "supervisor/packet.hpp"
#include "supervisor/pidfd.hpp"
#include "supervisor/refusal_fsm.hpp"
#include "supervisor/reserve.hpp"
#include "supervisor/walk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

/// The supervisor shows every 100 ms that it is busy ending things once the root is gone. Silent
/// for so long, it is stuck (or stopped), and the guardian does its work.
constexpr int patience_ms = 1000;

std::string make_runtime_directory()
{
    std::vector<std::string> places;
    struct stat info{};
    const char* given = std::getenv("XDG_RUNTIME_DIR");
    if (given && given[0] == '/' && ::stat(given, &info) == 0 && S_ISDIR(info.st_mode) &&
        info.st_uid == ::geteuid())
        places.emplace_back(given);
    places.emplace_back("/tmp");
    for (const auto& place : places) {
        auto path = place + "/zproc-XXXXXX";
        if (::mkdtemp(path.data()))
            return path;
    }
    return {};
}

void use_null_input_and_output()
{
    // A reader of the root's output must not have to wait for us. Standard error stays, for last
    // words.
    const int null = ::open("/dev/null", O_RDWR);
    for (int number = 0; number != 3; ++number)
        if (number != 2 || ::fcntl(2, F_GETFD) < 0)
            ::dup2(null, number);
    if (null > 2)
        ::close(null);
}

[[noreturn]] void give_up(const descriptor& root_socket, const std::string& directory,
                          const char* what, int error, bool refused = false)
{
    std::vector<std::byte> bytes;
    message::hello failed;
    failed.error = error ? error : EIO;
    failed.failed = what;
    failed.refused = refused;
    encode(failed, bytes);
    send_packet(root_socket.get(), bytes, {});
    if (!directory.empty())
        ::rmdir(directory.c_str());
    ::_exit(1);
}

void wait_for_supervisor(pid_t supervisor, const descriptor& pidfd, const descriptor& root_pidfd,
                         const descriptor& signs)
{
    bool root_lives = true;
    for (;;) {
        std::array<pollfd, 3> watched{{{pidfd.get(), POLLIN, 0},
                                       {signs.get(), POLLIN, 0},
                                       {root_lives ? root_pidfd.get() : -1, POLLIN, 0}}};
        const auto count = ::poll(watched.data(), watched.size(), root_lives ? -1 : patience_ms);
        if (count < 0)
            continue;
        if (watched[0].revents)
            return;
        if (watched[2].revents)
            root_lives = false;
        char sign = 0;
        ssize_t size = -1;
        while (watched[1].revents && (size = ::recv(signs.get(), &sign, 1, MSG_DONTWAIT)) > 0)
            if (sign == sign_for_root)
                static_cast<void>(send_signal(root_pidfd.get(), SIGTERM));
        if (size == 0) // its end has been closed
            return;
        if (count == 0) {
            ::kill(supervisor, SIGKILL);
            ::kill(supervisor, SIGCONT);
        }
    }
}

std::chrono::nanoseconds now()
{
    return std::chrono::steady_clock::now().time_since_epoch();
}

/// Until nobody is left; or nobody but those who may not be killed, and nothing more can be
/// expected of them: the supervisor has ended by itself, or their time is up.
void sweep(pid_t supervisor)
{
    refusal_fsm refusal;
    bool done_by_supervisor = false;
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    long look_ms = 5;
    for (;;) {
        pid_t reaped;
        int status = 0;
        while ((reaped = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0)
            if (reaped == supervisor)
                done_by_supervisor = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (reaped < 0 && errno == ECHILD)
            return;
        const auto left = children_of(::getpid());
        bool refused = !left.empty();
        for (const auto each : left)
            refused = !kill_tree(each, [] {}) && refused;
        if (refusal.tried(now(), refused) || (refused && done_by_supervisor)) {
            if (!done_by_supervisor) // else it has said so
                for (const auto each : left)
                    say_left(number_and_name(each));
            return;
        }
        const timespec moment{0, look_ms * 1'000'000L};
        ::sigtimedwait(&child, nullptr, &moment);
        look_ms = std::min(look_ms * 2, 500L); // there may be some who cannot be killed
    }
}

/// Makes what the supervisor is to be in.
struct isolated {
    isolation_level level = isolation_level::standard;
    std::string group;
    descriptor held; ///< the group, so that it is nobody else's to remove
    int error = 0;   ///< what was asked for is not possible

    explicit isolated(std::optional<isolation_level> asked)
    {
        level = asked.value_or(isolation_level::cgroup);
        if (level != isolation_level::cgroup)
            return;
        group = make_control_group(held, error);
        if (group.empty() && !asked) {
            level = isolation_level::standard;
            error = 0;
        }
    }

    pid_t fork()
    {
        const auto pid =
            level == isolation_level::pid_namespace ? fork_into_namespace(error) : ::fork();
        if (pid == 0 && !group.empty())
            error = join_control_group(group);
        return pid;
    }
};

constexpr const char* isolation_texts[] = {"", "making a control group (cgroup v2)",
                                           "making a PID namespace"};

[[noreturn]] void run_supervisor(forkserver_setup setup) noexcept
{
    ::prctl(PR_SET_NAME, "zproc-supervise", 0, 0, 0);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    setup.surroundings.supervisor = ::getpid();
    close_all_but({setup.root_socket.get(), setup.root_pidfd.get(), setup.guardian_socket.get()});
    const auto socket = setup.root_socket.duplicate();
    forkserver server(std::move(setup));
    if (const auto error = server.serve())
        give_up(socket, {}, "setting up the supervisor's loop", error);
    ::_exit(0);
}

} // namespace

void run_guardian(guardian_setup setup) noexcept
{
    reset_signal_handlers();
    use_null_input_and_output();
    close_all_but({setup.root_socket.get(), setup.root_pidfd.get()});
    ::prctl(PR_SET_NAME, "zproc-guardian", 0, 0, 0);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    const auto directory = make_runtime_directory();
    if (directory.empty())
        give_up(setup.root_socket, directory, "making a private directory in /tmp", errno);
    auto signs = make_packet_pair();
    if (!signs.first)
        give_up(setup.root_socket, directory, "making a socket pair", errno);

    const auto guardian = ::getpid();
    isolated how(setup.asked);
    const auto refuse = [&](const std::string& made) {
        give_up(setup.root_socket, made, isolation_texts[static_cast<int>(how.level)], how.error,
                true);
    };
    if (how.error)
        refuse(directory);
    const auto supervisor = how.fork();
    if (supervisor < 0 && how.error)
        refuse(directory);
    if (supervisor < 0)
        give_up(setup.root_socket, directory, "forking the supervisor", errno);
    if (supervisor == 0) {
        if (how.error && setup.asked)
            refuse({});
        if (how.error)
            how = isolated(isolation_level::standard);
        signs.first.reset();
        forkserver_setup server;
        server.root_socket = std::move(setup.root_socket);
        server.root_pidfd = std::move(setup.root_pidfd);
        server.guardian_socket = std::move(signs.second);
        server.surroundings.root = setup.root;
        server.surroundings.runtime_directory = directory;
        server.surroundings.isolation = how.level;
        server.guardian = guardian;
        server.control_group = how.group;
        ::getrlimit(RLIMIT_NOFILE, &server.surroundings.open_files);
        run_supervisor(std::move(server));
    }
    signs.second.reset();
    // What is sent to the root's group, by a terminal or by kill, does not reach who has to clean
    // up after it. A session, not just a group: see the supervisor's.
    ::setsid();
    keep_reserve();

    const auto pidfd = open_pidfd(supervisor);
    wait_for_supervisor(supervisor, pidfd, setup.root_pidfd, signs.first);
    if (!how.group.empty())
        end_control_group(how.group);
    sweep(supervisor);
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
    ::_exit(0);
}

} // namespace zproc::supervision
