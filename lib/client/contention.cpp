#include "client/contention.hpp"

namespace zproc::client {

bool contention::expected(std::string_view name_space, std::type_index kind) const
{
    return !met_.empty() && met_.contains({std::string(name_space), kind});
}

void contention::learn(std::string_view name_space, std::type_index kind, lesson what, time took)
{
    if (what == lesson::none || (what != lesson::fought && met_.empty()))
        return;
    std::pair key{std::string(name_space), kind};
    if (what == lesson::alone || what == lesson::only_read || took > slow)
        met_.erase(key);
    else if (what == lesson::fought && met_.size() < most)
        met_.insert(std::move(key));
}

} // namespace zproc::client
