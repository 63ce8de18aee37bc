#pragma once

#include <cstdint>

namespace zproc::client {

/// Whether the other end of a network is still there, as long as something is awaited of it. Pure:
/// time is an argument, in ns.
///
/// After `silence` without a byte a ping is due; as long again without an answer, and there is
/// nobody any more.
class heartbeat {
public:
    using time = std::int64_t;
    static constexpr time silence = 5'000'000'000;

    /// Something is awaited from now on.
    void begin(time now)
    {
        heard_ = now;
        pinged_ = false;
    }
    void heard(time now) { begin(now); }

    enum class verdict { well, ping, gone };
    verdict look(time now)
    {
        if (now < due())
            return verdict::well;
        if (pinged_)
            return verdict::gone;
        pinged_ = true;
        asked_ = now;
        return verdict::ping;
    }
    /// When to look next.
    time due() const { return (pinged_ ? asked_ : heard_) + silence; }

private:
    time heard_ = 0;
    time asked_ = 0;
    bool pinged_ = false;
};

} // namespace zproc::client
