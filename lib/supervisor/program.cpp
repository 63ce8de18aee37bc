#include "supervisor/program.hpp"

#include "supervisor/guardian.hpp"
#include "supervisor/isolation.hpp"
#include "supervisor/messages.hpp"
#include "supervisor/packet.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <vector>

#include <signal.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

constexpr const char* any_isolation = "any";
constexpr const char* program_name = "/zproc";

/// Only root or this user can have put there what is there.
bool is_ours(const std::string& path)
{
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && (info.st_uid == 0 || info.st_uid == ::geteuid()) &&
           (info.st_mode & S_IWOTH) == 0;
}

/// A program with more rights than its caller takes nothing from him.
bool is_trusting() noexcept
{
    return ::getauxval(AT_SECURE) == 0;
}

bool is_program(const std::string& path)
{
    std::error_code ec;
    return std::filesystem::is_regular_file(path, ec) && ::access(path.c_str(), X_OK) == 0;
}

/// Attributes and actions of a posix_spawn, which have to be given back.
struct spawn_plan {
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;

    spawn_plan()
    {
        ::posix_spawnattr_init(&how);
        ::posix_spawn_file_actions_init(&files);
    }
    spawn_plan(const spawn_plan&) = delete;
    spawn_plan& operator=(const spawn_plan&) = delete;
    ~spawn_plan()
    {
        ::posix_spawnattr_destroy(&how);
        ::posix_spawn_file_actions_destroy(&files);
    }
};

} // namespace

std::string named_program()
{
    const char* const given = std::getenv("ZPROC_PROGRAM");
    return is_trusting() && given != nullptr ? given : "";
}

std::string find_program()
{
    if (auto given = named_program(); !given.empty())
        return is_program(given) ? given : "";
    const bool trusting = is_trusting();
    std::error_code ec;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ec);
    std::vector<std::string> places;
    if (const auto beside = self.parent_path().string();
        !ec && trusting && is_ours(beside) && is_ours(beside + program_name))
        places.push_back(beside);
    places.emplace_back(ZPROC_INSTALLED_IN);
    if (const char* path = std::getenv("PATH"); trusting && path != nullptr) {
        std::istringstream all(path);
        for (std::string each; std::getline(all, each, ':');)
            if (each.starts_with('/'))
                places.push_back(each);
    }
    for (const auto& each : places)
        if (auto path = each + program_name; path != self && is_program(path))
            return path;
    return {};
}

pid_t start_program(const std::string& path, int root_socket, int root_pidfd,
                    std::optional<isolation_level> asked, int& error)
{
    const std::array<std::string, 7> words{
        "zproc",
        "supervise",
        version(),
        std::to_string(::getpid()),
        std::to_string(root_socket),
        std::to_string(root_pidfd),
        asked ? name_of(*asked) : any_isolation,
    };
    std::array<char*, words.size() + 1> arguments{};
    for (std::size_t i = 0; i != words.size(); ++i)
        arguments[i] = const_cast<char*>(words[i].c_str()); // as execve(2) has it

    spawn_plan plan;
    sigset_t all;
    ::sigfillset(&all);
    ::posix_spawnattr_setflags(&plan.how, POSIX_SPAWN_SETSIGMASK);
    ::posix_spawnattr_setsigmask(&plan.how, &all);
    // Onto itself: open in that program alone, whatever other threads start meanwhile.
    ::posix_spawn_file_actions_adddup2(&plan.files, root_socket, root_socket);
    ::posix_spawn_file_actions_adddup2(&plan.files, root_pidfd, root_pidfd);
    pid_t pid = -1;
    error = ::posix_spawn(&pid, path.c_str(), &plan.files, &plan.how, arguments.data(), environ);
    return error == 0 ? pid : -1;
}

void become_guardian(int argc, char** argv) noexcept
{
    if (argc != 5)
        return;
    std::array<int, 3> numbers{};
    for (std::size_t i = 0; i != numbers.size(); ++i) {
        const std::string_view text = argv[i + 1];
        if (std::from_chars(text.data(), text.data() + text.size(), numbers[i]).ec != std::errc{})
            return;
    }
    const auto asked = level_named(argv[4]);
    if (!asked && std::strcmp(argv[4], any_isolation) != 0)
        return;

    guardian_setup setup;
    setup.root = numbers[0];
    setup.root_socket = descriptor(numbers[1]);
    setup.root_pidfd = descriptor(numbers[2]);
    setup.asked = asked;
    if (std::strcmp(argv[0], version()) != 0) {
        message::hello refusal;
        refusal.error = EPROTO;
        refusal.failed = std::string("the zproc executable is of version ") + version() +
                         ", the library of this program " + argv[0] +
                         "; install the same ones, or let ZPROC_PROGRAM name the right one";
        std::vector<std::byte> bytes;
        encode(refusal, bytes);
        send_packet(setup.root_socket.get(), bytes, {});
        ::_exit(1);
    }
    // Nobody's child, so that the program's waitpid(-1) does not wait for its guardian.
    const auto guardian = ::fork();
    if (guardian != 0)
        ::_exit(guardian < 0 ? 1 : 0);
    run_guardian(std::move(setup));
}

const char* version() noexcept
{
    return ZPROC_VERSION;
}

} // namespace zproc::supervision
