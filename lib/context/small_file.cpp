#include "context/small_file.hpp"

#include "descriptor.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zproc::detail {

bool read_small_file(const std::string& what, const std::string& path, bool only_own,
                     std::size_t most, std::string& out, std::string& why)
{
    why = what + ' ' + path;
    const auto refuse = [&why](const std::string& said) {
        why += said;
        return false;
    };
    // Not waiting for the writer of a pipe, which is refused.
    const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat facts{};
    if (!file || ::fstat(file.get(), &facts) != 0)
        return refuse(std::string(" cannot be read: ") + std::strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return refuse(" is no regular file");
    if (only_own && facts.st_uid != ::geteuid() && facts.st_uid != 0)
        return refuse(" belongs to another user");
    if (only_own && (facts.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return refuse(" can be read by others: chmod 600 " + path);
    out.resize(most + 1);
    std::size_t size = 0;
    while (size != out.size()) {
        const auto count = ::read(file.get(), out.data() + size, out.size() - size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return refuse(std::string(" cannot be read: ") + std::strerror(errno));
        if (count == 0)
            break;
        size += static_cast<std::size_t>(count);
    }
    if (size > most)
        return refuse(" is larger than " + std::to_string(most) + " bytes");
    out.resize(size);
    why.clear();
    return true;
}

} // namespace zproc::detail
