#include "client/fork_mark.hpp"

#include <zproc/error.hpp>

#include <cerrno>

#include <sys/mman.h>
#include <unistd.h>

namespace zproc::client {

namespace {

std::size_t page_size()
{
    return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

fork_mark::fork_mark()
{
    void* page =
        ::mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        throw system_error(errno, boost::system::system_category());
    if (::madvise(page, page_size(), MADV_WIPEONFORK) != 0) {
        const int error = errno;
        ::munmap(page, page_size());
        throw system_error(error, boost::system::system_category());
    }
    page_ = static_cast<std::uint64_t*>(page);
    word().store(1, std::memory_order_release);
}

fork_mark::~fork_mark()
{
    ::munmap(page_, page_size());
}

} // namespace zproc::client
