#pragma once

#include "stress/soak/judge.hpp"
#include "support/fault_proxy.hpp"

#include <zproc.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

/// Everything at once, for long, while things go wrong all the time.
namespace zproc::test::soaking {

enum road : unsigned { near, far, roads };
inline constexpr std::array road_names{"near", "far"};

struct shared_page {
    faults network;
    std::atomic<std::uint16_t> server_port = 0;
    std::atomic<std::uint16_t> proxy_port = 0;
    std::array<std::array<std::atomic<std::uint64_t>, histogram::steps>, roads> latencies{};
    std::atomic<std::uint64_t> operations = 0;
    std::atomic<std::uint64_t> unknown = 0; ///< whether they happened
    std::atomic<std::uint64_t> events = 0;
    std::atomic<std::uint64_t> reads = 0; ///< of replicas
    std::atomic<std::uint64_t> guests = 0;
    std::atomic<std::uint64_t> spawned = 0;
    std::atomic<std::uint64_t> kills = 0;
    std::atomic<bool> stop = false;
};
inline shared_page* page = nullptr;

enum class leak { none, memory, descriptor };

struct plan {
    unsigned seed = 1;
    std::chrono::seconds length{1800};
    std::chrono::seconds warming_up{180};
    std::chrono::milliseconds between_samples{5000};
    std::chrono::milliseconds between_kills{30'000};
    tolerance limits{.memory = 2 << 20, .descriptors = 4, .latency = 1.5, .disk = 16 << 20};
    leak injected = leak::none;
};
inline plan to_do;

inline const std::string secret = "neither wind nor rain";

// What the processes do until `stop`; by a road of each kind.
asio::awaitable<void> write(context ctx, road by);
asio::awaitable<void> watch(context ctx, road by);
asio::awaitable<void> read(context ctx, road by);
/// Contexts that come and go.
asio::awaitable<void> visit(context ctx);
/// Strangers, who are turned away.
void knock();
/// One that ends at once.
int next_number(int n);

/// The bad network that leads to `server_port`, as a process; its port is `proxy_port`.
class network {
public:
    network();
    ~network();
    network(const network&) = delete;
    network& operator=(const network&) = delete;

private:
    pid_t proxy_ = -1;
};

/// The main function; 0: all stayed as it was.
int soak();
inline constexpr int something_grew = 3;

} // namespace zproc::test::soaking
