#include "descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace zproc {

void descriptor::reset(int number) noexcept
{
    if (const int old = std::exchange(number_, number); old >= 0)
        ::close(old);
}

descriptor descriptor::duplicate() const noexcept
{
    return descriptor(::fcntl(number_, F_DUPFD_CLOEXEC, 3));
}

descriptor above_standard(descriptor opened) noexcept
{
    return !opened || opened.get() > 2 ? std::move(opened) : opened.duplicate();
}

} // namespace zproc
