#include "supervisor/walk.hpp"

#include "descriptor.hpp"
#include "supervisor/isolation.hpp"
#include "supervisor/pidfd.hpp"
#include "supervisor/reserve.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>
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

// In a PID namespace, processes have other numbers in /proc than for the supervisor.

bool translated = false;

/// Begins a look, or several: once for all of the many numbers that are to be translated.
void look_who_looks()
{
    static pid_t asked_by = -1;
    if (const auto self = ::getpid(); asked_by != self) {
        asked_by = self;
        translated = is_in_namespace();
    }
}

/// -1 when there is no such process; so the next one.
pid_t to_proc(pid_t own)
{
    if (!translated)
        return own;
    const auto held = open_pidfd_anyway(own);
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
    if (!translated)
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

/// False, and errno, when the directory could not be opened.
template <class Function>
bool each_number_in(const char* directory, Function f)
{
    auto file = open_anyway(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    auto* const open = file ? ::fdopendir(file.get()) : nullptr;
    if (!open)
        return false;
    file.release();
    while (const auto* entry = ::readdir(open)) {
        pid_t number = 0;
        const auto* end = entry->d_name + std::strlen(entry->d_name);
        if (std::from_chars(entry->d_name, end, number).ptr == end && number > 0)
            f(number);
    }
    ::closedir(open);
    return true;
}

/// False, and errno, when the file could not be read.
bool read_children_file(const char* path, std::vector<pid_t>& out)
{
    std::string text;
    if (!read_file(path, text))
        return false;
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
    return true;
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

/// Whether all that could be seen was seen: what has ended meanwhile cannot, for want of a
/// descriptor one could not.
bool is_all(bool seen) noexcept
{
    return seen || !is_scarcity(errno);
}

bool find_children(pid_t parent, std::vector<pid_t>& out)
{
    if (!kernel_tells_children()) {
        bool all = true;
        const bool listed = each_number_in("/proc", [&](pid_t number) {
            errno = 0;
            const auto pid = from_proc(number);
            const auto its_parent = pid > 0 ? parent_of(pid) : -1;
            all = all && is_all(its_parent > 0);
            if (its_parent == parent)
                out.push_back(pid);
        });
        return listed && all;
    }
    // Supervisor and guardian have one thread.
    if (parent == ::getpid())
        return is_all(read_children_file("/proc/thread-self/children", out));
    std::array<char, 64> path;
    bool all = true;
    const auto number = to_proc(parent);
    std::snprintf(path.data(), path.size(), "/proc/%d/task", number);
    const bool listed = each_number_in(path.data(), [&](pid_t thread) {
        std::snprintf(path.data(), path.size(), "/proc/%d/task/%d/children", number, thread);
        all = is_all(read_children_file(path.data(), out)) && all;
    });
    return is_all(listed) && all;
}

std::vector<found_process> tree_below(pid_t top, const life_sign& alive)
{
    std::vector<found_process> all{{top, 0}};
    std::unordered_set<pid_t> known{top};
    std::vector<pid_t> children;
    for (std::size_t i = 0; i != all.size(); ++i) {
        alive();
        children.clear();
        find_children(all[i].pid, children);
        for (const auto child : children)
            // A process that is moved while we look may be met twice.
            if (known.insert(child).second)
                all.push_back({child, all[i].pid});
    }
    return all;
}

/// 0, or why not; ESRCH when it is no longer where it was found.
int send_to(const found_process& process, std::initializer_list<int> signals)
{
    const auto send = [&](auto one) {
        int failed = 0;
        for (const auto number : signals)
            if (const int error = one(number))
                failed = error;
        return failed;
    };
    // Nobody reaps the top but we, and we have not: its number cannot be another's.
    if (process.parent == 0)
        return send([&](int number) { return ::kill(process.pid, number) == 0 ? 0 : errno; });
    const auto held = open_pidfd_anyway(process.pid);
    if (!held)
        return errno;
    // Held now: its pid cannot change hands. It may have been handed to us by a dying parent.
    const auto parent = parent_of(process.pid);
    if (parent != process.parent && parent != ::getpid())
        return ESRCH;
    return send([&](int number) { return send_signal(held.get(), number).value(); });
}

} // namespace

std::vector<pid_t> children_of(pid_t parent, bool* all)
{
    look_who_looks();
    std::vector<pid_t> result;
    const bool complete = find_children(parent, result);
    if (all != nullptr)
        *all = complete;
    keep_reserve();
    return result;
}

pid_t number_in_proc_of(pid_t pid)
{
    look_who_looks();
    return to_proc(pid);
}

void signal_tree(pid_t top, std::initializer_list<int> signals, const life_sign& alive)
{
    look_who_looks();
    for (const auto& each : tree_below(top, alive)) {
        alive();
        send_to(each, signals);
    }
    keep_reserve();
}

bool kill_tree(pid_t top, const life_sign& alive)
{
    look_who_looks();
    std::vector<found_process> stopped;
    std::unordered_set<pid_t> seen;
    for (int pass = 0; pass != stop_passes; ++pass) {
        bool found_more = false;
        for (const auto& each : tree_below(top, alive)) {
            if (!seen.insert(each.pid).second)
                continue;
            alive();
            found_more = true;
            if (send_to(each, {SIGSTOP}) == 0 || each.parent == 0)
                stopped.push_back(each);
        }
        if (!found_more)
            break;
    }
    // The lowest first: so every one is still where it was found.
    int error = 0;
    for (auto each = stopped.rbegin(); each != stopped.rend(); ++each) {
        alive();
        error = send_to(*each, {SIGKILL});
    }
    keep_reserve();
    return error != EPERM; // of the top, which came last
}

} // namespace zproc::supervision
