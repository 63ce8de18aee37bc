#pragma once

#include <cstdint>

namespace zproc::client {

/// Whether the other end of a network is still there, as long as something is awaited of it. Pure:
/// time is an argument, in ns.
///
/// After `silence` without a byte a ping is due; as long again without an answer, and there is
/// nobody any more. But the ping stands behind what is being sent, which may take long: until it
/// has arrived, it is a sign of life that some more of that has. (Not afterwards: the system of a
/// server that hangs takes bytes for a while.)
class heartbeat {
public:
    using time = std::int64_t;
    static constexpr time silence = 5'000'000'000;

    /// Something is awaited from now on.
    void begin(time now)
    {
        heard(now);
        arrived_ = 0;
    }
    void heard(time now)
    {
        heard_ = now;
        pinged_ = false;
    }
    /// So many bytes have arrived, of all that were sent; the last ping ends at `ping` of them.
    void arrived(time now, std::uint64_t bytes, std::uint64_t ping)
    {
        if (pinged_ && bytes > arrived_ && arrived_ < ping)
            asked_ = now;
        arrived_ = bytes;
    }

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
    std::uint64_t arrived_ = 0;
};

} // namespace zproc::client
