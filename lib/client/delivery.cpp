#include <zproc/watcher.hpp>

namespace zproc::detail {

void delivery::give_back() noexcept
{
    if (!event_)
        return;
    // Without memory for it, it is lost after all.
    try {
        if (const auto source = source_.lock())
            source->give_back(std::move(*event_));
    } catch (...) { // NOLINT(bugprone-empty-catch)
    }
    event_.reset();
}

} // namespace zproc::detail
