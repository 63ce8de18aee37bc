#pragma once

#include "support/shared_memory.hpp"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

/// What is done over and over, and how it is looked at from outside.
namespace zproc::test::resilience {

namespace asio = boost::asio;

constexpr std::size_t nest_depth = 5;

struct shared_page {
    std::array<std::atomic<pid_t>, nest_depth> nest{};
    std::atomic<pid_t> supervisor = 0;
    std::atomic<pid_t> guardian = 0;
    std::atomic<unsigned> violations = 0;
};
inline shared_page* page = nullptr;

/// What goes wrong on purpose, to see that it is noticed.
enum class fault { none, descriptor, zombie, memory };

struct plan {
    unsigned rounds = 0;
    fault injected = fault::none;
};

// The main functions of roots. Each calls `pause_to_be_seen` now and then.
int nests_main(const plan& what);
int waits_main(const plan& what);
int servers_main(const plan& what);
int watchers_main(const plan& what);
int crowd_main(const plan& what);
int row_main(const plan& what);

/// In a root: says what is not as it should be.
void object(const std::string& what);

/// In a root, with nothing under way: waits until the observer has looked.
asio::awaitable<void> pause_to_be_seen();

/// What a process holds.
struct holding {
    std::size_t descriptors = 0;
    std::size_t zombies = 0;
    std::int64_t alone = 0; ///< bytes that nobody else has mapped
    std::int64_t resident = 0;
};

/// One look at a program.
struct look {
    holding root, supervisor, guardian;
    std::size_t children = 0; ///< of the supervisor
};

/// Runs a root in a program of its own. Whenever it pauses, `seen` is called with a function that
/// looks at it, and says whether all is as it should be; so long as it is not, it is called again,
/// for a while. True when everything held, the root ended well, and nothing is left.
class observed_program {
public:
    using main_function = int (*)(const plan&);
    using looker = std::function<bool(const look&, unsigned pause)>;

    observed_program(main_function main, const plan& what, looker seen);

    bool run();

    /// Within `seen`: so many of those who wait for a byte on standard input get one.
    void release(std::size_t children);
    /// Within `seen`: the root is killed, and the time measured until nothing is left.
    void kill_root();
    std::chrono::milliseconds cleanup() const { return cleanup_; }

private:
    bool see(unsigned pause);

    main_function main_;
    plan plan_;
    looker seen_;
    pid_t root_ = -1;
    int input_ = -1;
    bool killed_ = false;
    std::chrono::milliseconds cleanup_{0};
};

} // namespace zproc::test::resilience
