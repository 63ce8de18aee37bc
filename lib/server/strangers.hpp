#pragma once

#include "server/interests.hpp"
#include "server/throttle.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

namespace zproc::serving {

/// Who came over a network and has not shown yet that it knows the secret, and who of them has to
/// make room. Pure.
class strangers {
public:
    void come(seat who, const throttle::peer& from);
    /// It was greeted, or is gone. One that is not here is no matter.
    void leave(seat who);

    struct choice {
        seat who = 0;
        bool alone = false; ///< the only one of its address
    };
    /// Of the address that has most of them the one that came first; nobody when there are none.
    /// So those who come alone stay, however many come from somewhere else.
    /// Complexity: one look at each.
    std::optional<choice> first_to_go() const;

    std::size_t size() const { return waiting_.size(); }

private:
    struct one {
        seat who = 0;
        throttle::peer from;
    };
    std::vector<one> waiting_; // as they came
    std::map<throttle::peer, std::size_t> crowds_;
};

} // namespace zproc::serving
