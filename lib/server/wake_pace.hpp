#pragma once

#include <cstddef>

namespace zproc::serving {

/// When sleepers are woken: at the end of each turn; but where requests come in bursts, and more of
/// them are there already, some turns later. To wake many takes as long as many requests, and
/// whoever is woken reads all there is. Pure.
class wake_pace {
public:
    /// A turn has handled so many requests. True: they are to be woken at its end.
    bool turn_ends(std::size_t requests) noexcept
    {
        put_off_ = requests < burst || put_off_ == most ? 0 : put_off_ + 1;
        return put_off_ == 0;
    }
    /// They wait: whether there is more to do has to be looked at, before anything else is waited for.
    bool puts_off() const noexcept { return put_off_ != 0; }
    void woken() noexcept { put_off_ = 0; }

    static constexpr std::size_t burst = 32;
    static constexpr unsigned most = 4; ///< turns

private:
    unsigned put_off_ = 0;
};

} // namespace zproc::serving
