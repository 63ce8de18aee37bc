#include "supervisor/refusal_fsm.hpp"

namespace zproc::supervision {

bool refusal_fsm::tried(time_point now, bool refused) noexcept
{
    if (!refused)
        since_.reset();
    else if (!since_)
        since_ = now;
    return since_ && now - *since_ >= limit;
}

} // namespace zproc::supervision
