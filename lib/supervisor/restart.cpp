#include "supervisor/restart.hpp"

namespace zproc::supervision {

bool restart_history::permit(time_point now)
{
    while (!recent_.empty() && now - recent_.front() >= limit_.window)
        recent_.pop_front();
    if (recent_.size() >= limit_.restarts)
        return false;
    recent_.push_back(now);
    return true;
}

} // namespace zproc::supervision
