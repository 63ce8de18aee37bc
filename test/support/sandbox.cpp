#include "support/sandbox.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <system_error>

#include <unistd.h>

namespace zproc::test {
namespace {

constexpr const char* mark = "ZPROC_TEST_SANDBOX";

const std::string prefix = "/tmp/zproc-test-";

/// Removes what test programs have left that were killed before they could.
void sweep()
{
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator("/tmp", ignored)) {
        const std::string path = entry.path();
        if (!path.starts_with(prefix))
            continue;
        const pid_t owner = std::atoi(path.c_str() + prefix.size());
        if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH)
            std::filesystem::remove_all(path, ignored);
    }
}

std::filesystem::path& place()
{
    static std::filesystem::path path;
    return path;
}

} // namespace

void sandbox::enter(char** argv)
{
    // The pid tells this program's own mark from one inherited of a program that started it.
    const std::string self = std::to_string(::getpid());
    if (const char* inside = std::getenv(mark)) {
        const std::string text = inside;
        if (text.starts_with(self + ':')) {
            place() = text.substr(self.size() + 1);
            return;
        }
    }

    sweep();
    // Short: the path of a Unix socket has a hundred bytes.
    std::string directory = prefix + self + "-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) {
        std::perror("mkdtemp");
        std::exit(1);
    }
    ::setenv(mark, (self + ':' + directory).c_str(), 1);
    ::setenv("XDG_RUNTIME_DIR", directory.c_str(), 1);
    ::setenv("TMPDIR", directory.c_str(), 1);
    ::execv("/proc/self/exe", argv);
    std::perror("execv");
    std::exit(1);
}

void sandbox::leave()
{
    std::error_code ignored;
    if (!place().empty())
        std::filesystem::remove_all(place(), ignored);
}

const std::filesystem::path& sandbox::directory()
{
    return place();
}

} // namespace zproc::test
