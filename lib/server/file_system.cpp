#include "server/file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string_view>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zproc::serving {

namespace {

error_code system_failure()
{
    return {errno, boost::system::system_category()};
}

error_code result_of(int returned)
{
    return returned == 0 ? error_code() : system_failure();
}

/// Where the name of a directory is entered.
std::string parent_of(std::string path)
{
    while (path.size() > 1 && path.back() == '/')
        path.pop_back();
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

} // namespace

std::array<std::byte, 16> boot_id()
{
    std::array<std::byte, 16> id{};
    const descriptor file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    char text[64];
    const auto size = file ? ::read(file.get(), text, sizeof text) : 0;
    std::size_t digits = 0;
    for (ssize_t i = 0; i < size && digits != 2 * id.size(); ++i) {
        const char c = text[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            continue;
        auto& byte = id[digits++ / 2];
        byte = byte << 4 | static_cast<std::byte>(digit);
    }
    return id;
}

bool is_full(const error_code& ec) noexcept
{
    // A limit of this process or user counts as the disk's.
    return ec.category() == boost::system::system_category() &&
           (ec.value() == ENOSPC || ec.value() == EDQUOT || ec.value() == EFBIG);
}

descriptor open_data_directory(const std::string& path, error_code& ec)
{
    ec = {};
    if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        ec = system_failure();
        return {};
    }
    auto opened =
        above_standard(descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!opened || ::fsync(opened.get()) != 0) {
        ec = system_failure();
        return {};
    }
    // Whoever made it may not have come so far. Who may not read above it has not made it.
    const descriptor parent(::open(parent_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent ? ::fsync(parent.get()) != 0 : errno != EACCES) {
        ec = system_failure();
        return {};
    }
    if (::flock(opened.get(), LOCK_EX | LOCK_NB) != 0) {
        ec = errno == EWOULDBLOCK ? make_error_code(errc::data_in_use) : system_failure();
        return {};
    }
    return opened;
}

error_code directory::list(std::vector<std::string>& names)
{
    names.clear();
    // A directory stream owns its descriptor, and its place is shared with duplicates.
    const int own = ::openat(opened_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* const stream = own < 0 ? nullptr : ::fdopendir(own);
    if (!stream) {
        const auto ec = system_failure();
        if (own >= 0)
            ::close(own);
        return ec;
    }
    errno = 0;
    while (const auto* entry = ::readdir(stream))
        if (std::string_view(entry->d_name) != "." && std::string_view(entry->d_name) != "..")
            names.emplace_back(entry->d_name);
    const auto ec = errno == 0 ? error_code() : system_failure();
    ::closedir(stream);
    return ec;
}

error_code directory::read(const std::string& name, std::size_t limit, std::vector<std::byte>& out)
{
    out.clear();
    const descriptor file(::openat(opened_.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat facts{};
    if (!file || ::fstat(file.get(), &facts) != 0)
        return system_failure();
    out.resize(std::min(limit, static_cast<std::size_t>(facts.st_size)));
    for (std::size_t at = 0; at != out.size();) {
        const auto count =
            ::pread(file.get(), out.data() + at, out.size() - at, static_cast<off_t>(at));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return system_failure();
        if (count == 0) {
            out.resize(at);
            break;
        }
        at += static_cast<std::size_t>(count);
    }
    return {};
}

int directory::open(const std::string& name, error_code& ec)
{
    const int file = ::openat(opened_.get(), name.c_str(),
                              O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    ec = file < 0 ? system_failure() : error_code();
    return file;
}

void directory::close(int file)
{
    ::close(file);
}

error_code directory::write(int file, std::uint64_t offset, std::span<const std::byte> bytes)
{
    while (!bytes.empty()) {
        const auto count = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return system_failure();
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        offset += static_cast<std::uint64_t>(count);
    }
    return {};
}

error_code directory::sync(int file)
{
    while (::fdatasync(file) != 0)
        if (errno != EINTR)
            return system_failure();
    return {};
}

error_code directory::allocate(int file, std::uint64_t size)
{
    int failure = 0;
    // Where the file system cannot do it, this one writes zeros behind what is there.
    do
        failure = ::posix_fallocate(file, 0, static_cast<off_t>(size));
    while (failure == EINTR);
    return {failure, boost::system::system_category()};
}

error_code directory::truncate(int file, std::uint64_t size)
{
    return result_of(::ftruncate(file, static_cast<off_t>(size)));
}

error_code directory::rename(const std::string& from, const std::string& to)
{
    return result_of(::renameat(opened_.get(), from.c_str(), opened_.get(), to.c_str()));
}

error_code directory::link(const std::string& from, const std::string& to)
{
    if (::linkat(opened_.get(), from.c_str(), opened_.get(), to.c_str(), 0) == 0 || errno == EEXIST)
        return {};
    return system_failure();
}

error_code directory::remove(const std::string& name)
{
    return result_of(::unlinkat(opened_.get(), name.c_str(), 0));
}

error_code directory::sync_names()
{
    return result_of(::fsync(opened_.get()));
}

} // namespace zproc::serving
