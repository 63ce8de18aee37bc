#include "support/sandbox.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>

#include <unistd.h>

namespace zproc::test {
namespace {

constexpr const char* mark = "ZPROC_TEST_SANDBOX";

constexpr std::string_view prefix = "zproc-test-";

/// The program that a directory was made by; 0 where its name does not say so: "zproc-test-9ab3kx",
/// which mkdtemp() has made without a number before it, is nobody's.
pid_t owner_of(std::string_view name)
{
    if (!name.starts_with(prefix))
        return 0;
    name.remove_prefix(prefix.size());
    pid_t owner = 0;
    const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), owner);
    const bool whole = error == std::errc{} && rest != name.data() + name.size() && *rest == '-';
    return whole && owner > 0 ? owner : 0;
}

std::filesystem::path& place()
{
    static std::filesystem::path path;
    return path;
}

} // namespace

void sandbox::sweep(const std::filesystem::path& where)
{
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(where, ignored)) {
        const pid_t owner = owner_of(entry.path().filename().string());
        if (owner != 0 && ::kill(owner, 0) != 0 && errno == ESRCH)
            std::filesystem::remove_all(entry.path(), ignored);
    }
}

std::filesystem::path sandbox::make_directory()
{
    // Short: the path of a Unix socket has a hundred bytes.
    auto path = "/tmp/" + std::string(prefix) + std::to_string(::getpid()) + "-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) {
        std::perror("mkdtemp");
        std::exit(1);
    }
    return path;
}

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

    sweep("/tmp");
    const std::string directory = make_directory();
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
