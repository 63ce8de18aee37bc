#include "supervisor/isolation.hpp"

#include "descriptor.hpp"
#include "process_number.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zproc {

std::ostream& operator<<(std::ostream& out, isolation_level level)
{
    return out << supervision::name_of(level);
}

namespace supervision {
namespace {

constexpr std::string_view prefix = "zproc-";

constexpr std::size_t unique_size = 6;

constexpr int kill_limit_ms = 1000;

/// To make a group while other programs begin: each of these may spoil one.
constexpr int most_tries = 64;

/// The directory of this process's own control group; empty without cgroup v2.
std::string own_control_group()
{
    std::string mounted, its_root;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; mounted.empty() && std::getline(mounts, line);) {
        // 36 35 0:30 ROOT MOUNTED options… - cgroup2 …
        if (line.find(" - cgroup2 ") == std::string::npos)
            continue;
        std::istringstream fields(line);
        std::string skipped;
        fields >> skipped >> skipped >> skipped >> its_root >> mounted;
    }
    if (mounted.empty())
        return {};
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        if (!line.starts_with("0::"))
            continue;
        auto path = line.substr(3);
        if (its_root != "/") {
            if (!path.starts_with(its_root))
                return {};
            path.erase(0, its_root.size());
        }
        return mounted + path + (path.ends_with('/') ? "" : "/");
    }
    return {};
}

int write_to(const std::string& path, std::string_view text) noexcept
{
    const descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file)
        return errno;
    return ::write(file.get(), text.data(), text.size()) < 0 ? errno : 0;
}

/// Children may have made groups below; a group can be removed when nobody is in it.
bool remove_groups(const std::string& top)
{
    std::error_code ec;
    for (const auto& each : std::filesystem::directory_iterator(top, ec))
        if (each.is_directory(ec))
            remove_groups(each.path().string());
    return ::rmdir(top.c_str()) == 0 || errno == ENOENT;
}

/// Held by the guardian for as long as it lives; also while its number means nothing here.
bool lock(const descriptor& group) noexcept
{
    return group && ::flock(group.get(), LOCK_EX | LOCK_NB) == 0;
}

descriptor open_group(const std::string& path) noexcept
{
    return descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/// Those of programs that were killed together with their guardian, where they are empty by now.
void remove_forsaken(const std::string& parent)
{
    std::error_code ec;
    for (const auto& each : std::filesystem::directory_iterator(parent, ec)) {
        const auto name = each.path().filename().string();
        if (!name.starts_with(prefix) || name.size() != prefix.size() + unique_size)
            continue;
        // Locked until it is gone: who has just made it would hold what is not there.
        const auto group = open_group(each.path().string());
        if (lock(group))
            remove_groups(each.path().string());
    }
}

/// 0, or why not. ESTALE: another program has just looked for forsaken ones, and taken it for one.
int make_group_in(const std::string& parent, std::string& path, descriptor& held)
{
    path = parent + std::string(prefix) + std::string(unique_size, 'X');
    if (::mkdtemp(path.data()) == nullptr)
        return errno;
    held = open_group(path);
    const int error = lock(held) ? 0 : errno;
    // One that was removed before it was locked can still be locked.
    if (error == EWOULDBLOCK || ::access(path.c_str(), F_OK) != 0) {
        ::rmdir(path.c_str());
        return ESTALE;
    }
    if (error == 0 && ::access((path + "/cgroup.kill").c_str(), W_OK) == 0 &&
        ::access((path + "/cgroup.procs").c_str(), W_OK) == 0)
        return 0;
    const int missing = error ? error : errno == ENOENT ? ENOTSUP : errno;
    ::rmdir(path.c_str());
    return missing;
}

/// Within a user namespace of one's own: the same user and group as outside.
int keep_ids(uid_t user, gid_t group) noexcept
{
    std::array<char, 64> text;
    const auto map = [&](const char* file, unsigned id) {
        std::snprintf(text.data(), text.size(), "%u %u 1", id, id);
        return write_to(file, text.data());
    };
    if (const auto error = write_to("/proc/self/setgroups", "deny"))
        return error;
    if (const auto error = map("/proc/self/gid_map", group))
        return error;
    return map("/proc/self/uid_map", user);
}

} // namespace

const char* name_of(isolation_level level) noexcept
{
    switch (level) {
    case isolation_level::standard: return "standard";
    case isolation_level::cgroup: return "cgroup";
    case isolation_level::pid_namespace: return "pid_namespace";
    }
    return "unknown";
}

std::optional<isolation_level> level_named(std::string_view name) noexcept
{
    for (const auto each :
         {isolation_level::standard, isolation_level::cgroup, isolation_level::pid_namespace})
        if (name == name_of(each))
            return each;
    return {};
}

std::string make_control_group(descriptor& held, int& error)
{
    const auto parent = own_control_group();
    error = ENOTSUP;
    if (parent.empty())
        return {};
    remove_forsaken(parent);
    std::string path;
    for (int tries = 0; tries != most_tries; ++tries)
        if ((error = make_group_in(parent, path, held)) != ESTALE)
            break;
    return error == 0 ? path : std::string();
}

int join_control_group(const std::string& path) noexcept
{
    return write_to(path + "/cgroup.procs", "0");
}

void end_control_group(const std::string& path) noexcept
{
    for (int waited = 0; !try_to_end_control_group(path) && waited != kill_limit_ms; ++waited)
        ::poll(nullptr, 0, 1);
}

bool try_to_end_control_group(const std::string& path) noexcept
{
    write_to(path + "/cgroup.kill", "1");
    return remove_groups(path);
}

pid_t fork_into_namespace(int& error) noexcept
{
    const auto user = ::geteuid();
    const auto group = ::getegid();
    const auto clone = [](unsigned long flags) {
        return static_cast<pid_t>(
            ::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, 0UL));
    };
    error = 0;
    auto pid = clone(CLONE_NEWPID);
    if (pid < 0 && errno == EPERM) {
        pid = clone(CLONE_NEWPID | CLONE_NEWUSER);
        if (pid == 0)
            error = keep_ids(user, group);
    }
    if (pid < 0)
        error = errno;
    return pid;
}

bool is_in_namespace() noexcept
{
    return own_number() != ::getpid();
}

} // namespace supervision
} // namespace zproc
