#pragma once

#include "stress/consistency/round.hpp"

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace zproc::test::consistency {

namespace asio = boost::asio;

/// What was asked of one key, and answered.
struct answer {
    std::uint32_t key;
    action what;
    cell argument = {};
    cell result = {};
    cell expected = {};
};

/// A client that does one thing after the other, and writes down each.
class lane {
public:
    lane(const context& of, unsigned process, unsigned number);

    std::mt19937 random;
    context ctx;
    state registers;
    state bank;
    replica registers_here; ///< made when it is first read
    replica bank_here;

    unsigned number() const { return number_; }
    std::uint32_t below(std::uint32_t limit)
    {
        return static_cast<std::uint32_t>(random() % limit);
    }
    std::uint32_t any_key() { return below(round_plan.keys); }
    /// Another one, when there are two.
    std::uint32_t another_key(std::uint32_t than);
    /// Nobody else ever writes it.
    std::int64_t fresh() { return number_ * std::int64_t{1'000'000'000} + 1000 * ++values_; }
    /// What this lane has seen last.
    const cell& seen(std::uint32_t key) const { return seen_[key]; }
    /// Now and then, in a round with that fault.
    bool erring(fault which)
    {
        return round_plan.injected == which && number_ % 2 == 0 && below(8) == 0;
    }

    /// Before a replica is read: over TCP it may be behind what others were told.
    asio::awaitable<void> catch_up();

    /// The origin of this lane makes itself known.
    asio::awaitable<void> greet();

    /// Notes an operation that was answered just now.
    void tell(std::int64_t begun, std::span<const answer> all, std::uint64_t revision = 0);
    void tell(std::int64_t begun, const answer& one) { tell(begun, std::span(&one, 1)); }
    /// Notes one that may have happened. If so, then before the next one that changes something,
    /// since a connection's requests are handled in order.
    void tell_unknown(std::int64_t begun, const answer& one);

private:
    history_entry entry(std::int64_t begun, const answer& one) const;
    void write(const history_entry& e);

    unsigned process_;
    unsigned number_;
    std::int64_t values_ = 0;
    std::uint32_t operations_ = 0;
    std::array<cell, first_greeting> seen_;
    std::vector<history_entry> unknown_;
};

/// What a lane may do, how often among a hundred.
struct deed {
    const char* name;
    unsigned share;
    asio::awaitable<void> (*act)(lane&);
};

const deed& any_of(std::span<const deed> all, std::mt19937& random);

/// The ways to read keys; a history does not tell one from another. One more way to read is one
/// more row here, and one in `auditors`.
std::span<const deed> readers();
/// The ways to read all accounts at once.
std::span<const deed> auditors();

std::span<const deed> writers();
std::span<const deed> bankers();

/// Everything that a lane does until it is told to stop.
asio::awaitable<void> work(lane& self);

} // namespace zproc::test::consistency
