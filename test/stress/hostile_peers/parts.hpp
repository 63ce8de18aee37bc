#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

/// Strangers that attack a server while others work with it; each kind against the server and, by
/// turns, against a decoy: what the machine lacks because of the attackers is not the server's
/// doing.
namespace zproc::test::hostile {

enum class kind : unsigned {
    churn,       ///< connects and leaves
    silence,     ///< connects and says nothing
    garbage,     ///< says what is no frame
    halves,      ///< leaves in the middle of the hello
    guesses,     ///< proves that it does not know the secret
    replays,     ///< says what another has said in a handshake that succeeded
    never_reads, ///< knows the secret, asks for much, and reads nothing
    insider,     ///< knows the secret: to see that who comes in is noticed
};
inline constexpr std::array names{"churn",   "silence", "garbage",     "halves",
                                  "guesses", "replays", "never reads", "insider"};

enum class target : unsigned { nobody, decoy, server };

struct shared_page {
    std::atomic<kind> what = kind::churn;
    std::atomic<target> whom = target::nobody;
    std::atomic<bool> many_addresses = true; ///< else all come from one
    std::atomic<std::uint64_t> attempts = 0; ///< at the server
    std::atomic<std::uint64_t> came_in = 0;
    std::atomic<std::uint64_t> near = 0; ///< operations of the others: over a Unix socket,
    std::atomic<std::uint64_t> far = 0;  ///< and over TCP
    std::atomic<bool> over = false;
};
inline shared_page* page = nullptr;

inline const std::string secret = "8f14e45fceea167a5a36dedd4bea2543";

struct plan {
    unsigned seed = 1;
    bool full = false;
    kind first = kind::churn;
    kind last = kind::never_reads;
};
inline plan to_do;

/// The attacker: one process, as fast as it can, until `over`.
void attack(std::string address, unsigned seed);

/// Exit code 0: nobody came in, the others went on, and the server took no more than it may.
int measure();
/// That only the first is not so.
inline constexpr int stranger_came_in = 3;

} // namespace zproc::test::hostile
