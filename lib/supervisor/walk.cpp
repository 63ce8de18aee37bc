#include "supervisor/walk.hpp"

#include "descriptor.hpp"
#include "supervisor/isolation.hpp"
#include "supervisor/pidfd.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_set>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

/// More passes than a tree needs to come to rest; a tree that outruns them is looked at again by
/// the caller's timer.
constexpr int stop_passes = 32;

bool read_file(const char* path, std::string& out)
{
    const descriptor file(::open(path, O_RDONLY | O_CLOEXEC));
    if (!file)
        return false;
    out.clear();
    std::array<char, 4096> part;
    for (;;) {
        const auto size = ::read(file.get(), part.data(), part.size());
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size == 0;
        out.append(part.data(), static_cast<std::size_t>(size));
    }
}

// In a PID namespace, processes have other numbers in /proc than for the supervisor.

bool is_translated()
{
    static pid_t asked_by = -1;
    static bool differs = false;
    if (const auto self = ::getpid(); asked_by != self) {
        asked_by = self;
        differs = is_in_namespace();
    }
    return differs;
}

/// -1 when there is no such process; so the next one.
pid_t to_proc(pid_t own)
{
    if (!is_translated())
        return own;
    const auto held = open_pidfd(own);
    return held ? number_in_proc(held.get()) : -1;
}

/// The numbers of a process, in /proc and in each namespace from there down to its own.
std::vector<pid_t> numbers_of(const char* status_path)
{
    std::string status;
    if (!read_file(status_path, status))
        return {};
    std::vector<pid_t> numbers;
    const auto line = status.find("\nNSpid:");
    if (line == std::string::npos)
        return numbers;
    const auto end = std::min(status.find('\n', line + 1), status.size());
    for (auto at = status.find('\t', line); at < end; at = status.find('\t', at + 1)) {
        pid_t number = -1;
        std::from_chars(status.data() + at + 1, status.data() + end, number);
        numbers.push_back(number);
    }
    return numbers;
}

pid_t from_proc(pid_t number)
{
    if (!is_translated())
        return number;
    // A process may be in a namespace further down: what counts is its number in ours.
    static const std::size_t depth = numbers_of("/proc/self/status").size();
    std::array<char, 48> path;
    std::snprintf(path.data(), path.size(), "/proc/%d/status", number);
    const auto numbers = numbers_of(path.data());
    return depth == 0 || numbers.size() < depth ? -1 : numbers[depth - 1];
}

/// -1 when there is no such process.
pid_t parent_of(pid_t pid)
{
    std::array<char, 48> path;
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", to_proc(pid));
    std::string stat;
    if (!read_file(path.data(), stat))
        return -1;
    // The name, in parentheses, may hold anything: count from the last one.
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos || name_end + 4 >= stat.size())
        return -1;
    pid_t parent = -1;
    std::from_chars(stat.data() + name_end + 4, stat.data() + stat.size(), parent);
    return parent > 0 ? from_proc(parent) : parent;
}

template <class Function>
void each_number_in(const char* directory, Function f)
{
    auto* open = ::opendir(directory);
    if (!open)
        return;
    while (const auto* entry = ::readdir(open)) {
        pid_t number = 0;
        const auto* end = entry->d_name + std::strlen(entry->d_name);
        if (std::from_chars(entry->d_name, end, number).ptr == end && number > 0)
            f(number);
    }
    ::closedir(open);
}

/// False when the kernel was built without these files.
bool read_children_files(pid_t parent, std::vector<pid_t>& out)
{
    std::array<char, 64> path;
    std::string text;
    bool any = false;
    const auto number = to_proc(parent);
    std::snprintf(path.data(), path.size(), "/proc/%d/task", number);
    each_number_in(path.data(), [&](pid_t thread) {
        std::snprintf(path.data(), path.size(), "/proc/%d/task/%d/children", number, thread);
        if (!read_file(path.data(), text))
            return;
        any = true;
        const auto* at = text.data();
        const auto* end = at + text.size();
        while (at != end) {
            pid_t child = 0;
            const auto [next, error] = std::from_chars(at, end, child);
            if (error != std::errc{})
                break;
            if (const auto own = from_proc(child); own > 0)
                out.push_back(own);
            at = next == end ? end : next + 1;
        }
    });
    return any;
}

bool kernel_tells_children()
{
    static const bool tells = ::access("/proc/thread-self/children", R_OK) == 0;
    return tells;
}

struct found_process {
    pid_t pid;
    pid_t parent;
};

std::vector<found_process> tree_below(pid_t top)
{
    std::vector<found_process> all{{top, 0}};
    for (std::size_t i = 0; i != all.size(); ++i)
        for (const auto child : children_of(all[i].pid))
            // A process that is moved while we look may be met twice.
            if (std::none_of(all.begin(), all.end(), [&](auto& f) { return f.pid == child; }))
                all.push_back({child, all[i].pid});
    return all;
}

/// Empty when the process is no longer where it was found.
descriptor hold(const found_process& process)
{
    auto held = open_pidfd(process.pid);
    if (!held)
        return held;
    // Held now: its pid cannot change hands. It may have been handed to us by a dying parent.
    const auto parent = parent_of(process.pid);
    if (process.parent != 0 && parent != process.parent && parent != ::getpid())
        held.reset();
    return held;
}

} // namespace

std::vector<pid_t> children_of(pid_t parent)
{
    std::vector<pid_t> result;
    if (kernel_tells_children()) {
        read_children_files(parent, result);
        return result;
    }
    each_number_in("/proc", [&](pid_t number) {
        if (const auto pid = from_proc(number); pid > 0 && parent_of(pid) == parent)
            result.push_back(pid);
    });
    return result;
}

void signal_tree(pid_t top, std::initializer_list<int> signals)
{
    for (const auto& each : tree_below(top))
        if (const auto held = hold(each))
            for (const auto number : signals)
                static_cast<void>(send_signal(held.get(), number));
}

void kill_tree(pid_t top)
{
    std::vector<descriptor> stopped;
    std::unordered_set<pid_t> seen;
    for (int pass = 0; pass != stop_passes; ++pass) {
        bool found_more = false;
        for (const auto& each : tree_below(top)) {
            if (!seen.insert(each.pid).second)
                continue;
            found_more = true;
            if (auto held = hold(each)) {
                static_cast<void>(send_signal(held.get(), SIGSTOP));
                stopped.push_back(std::move(held));
            }
        }
        if (!found_more)
            break;
    }
    for (const auto& each : stopped)
        static_cast<void>(send_signal(each.get(), SIGKILL));
}

} // namespace zproc::supervision
