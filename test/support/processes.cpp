#include "support/processes.hpp"

#include "support/sandbox.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <system_error>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zproc::test {
namespace {

std::string slurp(const std::string& path)
{
    // A process that dies meanwhile is a read error, which an iterator over the file would throw.
    const std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::optional<process_entry> read_entry(pid_t pid)
{
    const std::string text = slurp("/proc/" + std::to_string(pid) + "/stat");
    // The name stands in parentheses and may hold any byte, parentheses included.
    const auto open = text.find('(');
    const auto close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos)
        return std::nullopt;

    process_entry entry;
    entry.pid = pid;
    entry.name = text.substr(open + 1, close - open - 1);
    std::istringstream rest(text.substr(close + 1));
    rest >> entry.state >> entry.parent;
    std::string skipped;
    for (int field = 5; field < 22; ++field)
        rest >> skipped;
    rest >> entry.started;
    return entry;
}

bool carries_mark(pid_t pid)
{
    const std::string mark = "ZPROC_TEST_SANDBOX=" + std::to_string(::getpid()) + ':';
    const std::string environment = slurp("/proc/" + std::to_string(pid) + "/environ");
    return environment.starts_with(mark) || environment.find('\0' + mark) != std::string::npos;
}

} // namespace

std::vector<process_entry> all_processes()
{
    std::vector<process_entry> found;
    std::error_code ec;
    for (std::filesystem::directory_iterator it("/proc", ec), end; !ec && it != end;
         it.increment(ec)) {
        const std::string name = it->path().filename();
        pid_t pid = 0;
        const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (error != std::errc{} || rest != name.data() + name.size())
            continue;
        if (auto entry = read_entry(pid))
            found.push_back(*std::move(entry));
    }
    return found;
}

std::vector<process_entry> descendants(pid_t root)
{
    std::vector<process_entry> all = all_processes();
    std::set<pid_t> family{root};
    std::vector<process_entry> found;
    // Children may come before their parents in the table: repeat until nothing is added.
    for (bool grown = true; grown;) {
        grown = false;
        for (const auto& entry : all) {
            if (family.contains(entry.parent) && family.insert(entry.pid).second) {
                found.push_back(entry);
                grown = true;
            }
        }
    }
    return found;
}

std::vector<process_entry> own_processes()
{
    const pid_t self = ::getpid();
    std::vector<process_entry> found = descendants(self);
    for (auto& entry : all_processes()) {
        const bool known =
            std::ranges::any_of(found, [&](const auto& other) { return other.same(entry); });
        if (!known && entry.pid != self && carries_mark(entry.pid))
            found.push_back(std::move(entry));
    }
    return found;
}

unsigned highest_descriptor(pid_t pid)
{
    unsigned highest = 0;
    for (const auto& each :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd"))
        highest = std::max(highest, static_cast<unsigned>(std::stoul(each.path().filename())));
    return highest;
}

std::size_t open_descriptors(pid_t pid)
{
    std::size_t count = 0;
    std::error_code ec;
    const auto path = "/proc/" + std::to_string(pid) + "/fd";
    for (std::filesystem::directory_iterator it(path, ec), end; !ec && it != end; it.increment(ec))
        ++count;
    return count;
}

bool wait_for_end(pid_t pid, int milliseconds)
{
    const auto fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0)
        return true;
    pollfd ready{fd, POLLIN, 0};
    const int n = ::poll(&ready, 1, milliseconds);
    ::close(fd);
    return n > 0;
}

} // namespace zproc::test
