#include "supervisor/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace zproc::supervision {

void descriptor::reset(int number) noexcept
{
    if (const int old = std::exchange(number_, number); old >= 0)
        ::close(old);
}

descriptor descriptor::duplicate() const noexcept
{
    return descriptor(::fcntl(number_, F_DUPFD_CLOEXEC, 3));
}

} // namespace zproc::supervision
