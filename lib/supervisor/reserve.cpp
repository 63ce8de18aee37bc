#include "supervisor/reserve.hpp"

#include "supervisor/pidfd.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

/// A look needs three at once: a process, a directory or the translation of a number, a file.
/// Plain numbers: in a fork they are closed with all others, and nothing may close them again.
constinit std::array<int, 4> kept{-1, -1, -1, -1};

/// Of what is read in more than one piece: names of processes, their numbers.
constexpr std::size_t longest_line = 256;

/// True when there is something to try again with.
bool spend() noexcept
{
    if (errno != EMFILE && errno != ENFILE)
        return false;
    bool any = false;
    for (auto& each : kept)
        if (const int number = std::exchange(each, -1); number >= 0) {
            ::close(number);
            any = true;
        }
    errno = EMFILE;
    return any;
}

} // namespace

void keep_reserve() noexcept
{
    const int error = errno;
    for (auto& each : kept)
        if (each < 0)
            each = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    errno = error;
}

void forget_reserve() noexcept
{
    kept.fill(-1);
}

bool is_scarcity(int error) noexcept
{
    return error == EMFILE || error == ENFILE || error == ENOMEM;
}

descriptor open_anyway(const char* path, int flags) noexcept
{
    descriptor file(::open(path, flags));
    if (!file && spend())
        file.reset(::open(path, flags));
    return file;
}

descriptor open_pidfd_anyway(pid_t pid) noexcept
{
    auto held = open_pidfd(pid);
    if (!held && spend())
        held = open_pidfd(pid);
    return held;
}

bool read_file(const char* path, std::string& out)
{
    const auto file = open_anyway(path, O_RDONLY | O_CLOEXEC);
    return file && read_all(file, out);
}

bool read_all(const descriptor& file, std::string& out)
{
    out.clear();
    std::array<char, 4096> part;
    for (;;) {
        const auto size = ::read(file.get(), part.data(), part.size());
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return size == 0;
        out.append(part.data(), static_cast<std::size_t>(size));
        // What has room for another line, and did not get it, has ended.
        if (part.size() - static_cast<std::size_t>(size) > longest_line)
            return true;
    }
}

} // namespace zproc::supervision
