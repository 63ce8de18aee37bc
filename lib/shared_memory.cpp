#include "shared_memory.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace zproc {

mapped_memory::~mapped_memory()
{
    if (!bytes_.empty())
        ::munmap(bytes_.data(), bytes_.size());
}

mapped_memory mapped_memory::writable(int file, std::size_t size, bool populate)
{
    void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | (populate ? MAP_POPULATE : 0), file, 0);
    if (at == MAP_FAILED)
        return {};
    return mapped_memory({static_cast<std::byte*>(at), size});
}

mapped_memory mapped_memory::readable(int file, bool populate)
{
    struct stat facts{};
    if (::fstat(file, &facts) != 0 || facts.st_size <= 0)
        return {};
    const auto size = static_cast<std::size_t>(facts.st_size);
    void* at =
        ::mmap(nullptr, size, PROT_READ, MAP_SHARED | (populate ? MAP_POPULATE : 0), file, 0);
    if (at == MAP_FAILED)
        return {};
    return mapped_memory({static_cast<std::byte*>(at), size});
}

namespace {

shared_file make_file(const char* name, std::size_t size, bool populate)
{
    descriptor file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0)
        return {};
    auto memory = mapped_memory::writable(file.get(), size, populate);
    return {std::move(file), std::move(memory)};
}

} // namespace

shared_file make_sealed_file(const char* name, std::size_t size, bool populate)
{
    auto made = make_file(name, size, populate);
    // After mapping: the seal is for all mappings to come.
    if (made && ::fcntl(made.file.get(), F_ADD_SEALS,
                        F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) != 0)
        return {};
    return made;
}

shared_file make_page(const char* name, std::size_t size)
{
    auto made = make_file(name, size, true);
    if (made &&
        ::fcntl(made.file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return {};
    return made;
}

shared_file open_page(descriptor file)
{
    struct stat facts{};
    if (!file || ::fstat(file.get(), &facts) != 0 || facts.st_size <= 0)
        return {};
    auto memory =
        mapped_memory::writable(file.get(), static_cast<std::size_t>(facts.st_size), false);
    return {std::move(file), std::move(memory)};
}

descriptor reopen_readable(int file)
{
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    return descriptor(::open(path, O_RDONLY | O_CLOEXEC));
}

bool is_eventfd(int file)
{
    char path[32];
    char target[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    const auto size = ::readlink(path, target, sizeof target);
    return size > 0 &&
           std::string_view(target, static_cast<std::size_t>(size)) == "anon_inode:[eventfd]";
}

void signal_eventfd(int file)
{
    const std::uint64_t one = 1;
    if (::write(file, &one, sizeof one) >= 0 || errno != EAGAIN)
        return;
    // It is full: nobody has drained it for 2^64 wake-ups. A full one swallows the edge.
    std::uint64_t drained = 0;
    if (::read(file, &drained, sizeof drained) >= 0)
        (void)!::write(file, &one, sizeof one);
}

} // namespace zproc
