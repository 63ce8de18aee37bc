#include "server/time_share.hpp"

#include <algorithm>

namespace zproc::serving {

void time_share::look(std::int64_t now)
{
    if (now - others_at_ >= quiet)
        credit_ = savings;
    else if (now > looked_at_)
        credit_ = std::min(savings, credit_ + (now - looked_at_) / part);
    looked_at_ = std::max(looked_at_, now);
}

bool time_share::may(std::int64_t now)
{
    look(now);
    return credit_ > 0;
}

std::int64_t time_share::wait(std::int64_t now)
{
    if (may(now))
        return 0;
    return std::min((1 - credit_) * part, others_at_ + quiet - now);
}

} // namespace zproc::serving
