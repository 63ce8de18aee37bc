#include "support/usage.hpp"

#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace zproc::test {

usage usage_of(pid_t pid)
{
    const auto path =
        "/proc/" + (pid == 0 ? std::string("self") : std::to_string(pid)) + "/smaps_rollup";
    std::ifstream in(path);
    usage out;
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string name;
        std::int64_t kibibytes = 0;
        if (!(words >> name >> kibibytes))
            continue;
        const auto bytes = kibibytes * 1024;
        if (name == "Rss:")
            out.resident = bytes;
        else if (name == "Pss:")
            out.proportional = bytes;
        else if (name == "Private_Clean:" || name == "Private_Dirty:")
            out.alone += bytes;
    }
    if (out.resident == 0)
        throw std::runtime_error("cannot read " + path);
    return out;
}

std::int64_t peak_of(pid_t pid)
{
    const auto path = "/proc/" + std::to_string(pid) + "/status";
    std::ifstream in(path);
    for (std::string word; in >> word;)
        if (std::int64_t kibibytes = 0; word == "VmHWM:" && in >> kibibytes)
            return kibibytes * 1024;
    throw std::runtime_error("cannot read " + path);
}

void forget_peak(pid_t pid)
{
    const auto path = "/proc/" + std::to_string(pid) + "/clear_refs";
    std::ofstream out(path);
    if (!(out << 5 << std::flush))
        throw std::runtime_error("cannot write " + path);
}

std::string in_mebibytes(std::int64_t bytes)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.2f MiB",
                  static_cast<double>(bytes) / static_cast<double>(mebibyte));
    return text;
}

} // namespace zproc::test
