#include <zproc/watcher.hpp>

namespace zproc::detail {

void give_back(const std::weak_ptr<watch_core>& source, std::span<event> events) noexcept
{
    if (events.empty())
        return;
    // Without memory for it, it is lost after all.
    try {
        if (const auto alive = source.lock())
            for (auto& each : events)
                alive->give_back(std::move(each));
    } catch (...) { // NOLINT(bugprone-empty-catch)
    }
}

} // namespace zproc::detail
