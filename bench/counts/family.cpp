#include "counts/family.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <unistd.h>

namespace zproc::bench {
namespace {

/// What /proc says behind that word, in the status of a process or of a thread; empty without it.
std::string fact(const std::filesystem::path& of, std::string_view word)
{
    std::ifstream in(of / "status");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(word) && line.size() > word.size() && line[word.size()] == ':')
            return line.substr(line.find_first_not_of(" \t", word.size() + 1));
    return {};
}

std::filesystem::path folder_of(pid_t pid)
{
    return std::filesystem::path("/proc") / std::to_string(pid);
}

} // namespace

pid_t parent_of(pid_t pid)
{
    const auto text = fact(folder_of(pid), "PPid");
    return text.empty() ? 0 : static_cast<pid_t>(std::stol(text));
}

pid_t descendant_called(std::string_view name)
{
    pid_t found = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto text = entry.path().filename().string();
        if (text.find_first_not_of("0123456789") != text.npos || fact(entry.path(), "Name") != name)
            continue;
        const auto pid = static_cast<pid_t>(std::stol(text));
        auto above = parent_of(pid);
        while (above > 1 && above != ::getpid())
            above = parent_of(above);
        if (above != ::getpid())
            continue;
        if (found != 0)
            throw std::runtime_error("there are two of " + std::string(name));
        found = pid;
    }
    if (found == 0)
        throw std::runtime_error("there is no " + std::string(name));
    return found;
}

std::uint64_t sleeps_of(pid_t pid)
{
    std::uint64_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_of(pid) / "task")) {
        const auto text = fact(entry.path(), "voluntary_ctxt_switches");
        sum += text.empty() ? 0 : std::stoull(text);
    }
    return sum;
}

} // namespace zproc::bench
