#pragma once

#include "server/interests.hpp"

#include <cstddef>
#include <limits>

namespace zproc::serving {

/// Who alone has asked in some turns in a row is likely to ask next: before the poll is looked at, it is
/// read from. Now and then the poll comes first all the same, for the others. Pure.
class regular {
public:
    /// That one was served in this turn.
    void served(seat who) noexcept
    {
        several_ = several_ || (now_ != nobody && now_ != who);
        now_ = who;
    }
    void turn_ends() noexcept
    {
        if (now_ == nobody)
            return;
        turns_ = several_ || now_ != last_ ? 0 : turns_ + (turns_ != needed);
        last_ = now_;
        now_ = nobody;
        several_ = false;
    }
    /// Whom to read from before the poll is looked at.
    seat first() const noexcept { return turns_ == needed && found_ != most ? last_ : nobody; }
    /// It had sent something, and the poll was not looked at.
    void found() noexcept { ++found_; }
    void polled() noexcept { found_ = 0; }
    /// What has come since is to be answered together with what was just found: a call less, for the poll
    /// is one more.
    bool twice() const noexcept { return found_ % each == 0; }

    static constexpr seat nobody = std::numeric_limits<seat>::max();
    static constexpr unsigned needed = 2; ///< turns
    static constexpr unsigned most = 16;  ///< times
    static constexpr unsigned each = 8;   ///< times

private:
    seat last_ = nobody;
    seat now_ = nobody;
    bool several_ = false;
    unsigned turns_ = 0;
    unsigned found_ = 0;
};

} // namespace zproc::serving
