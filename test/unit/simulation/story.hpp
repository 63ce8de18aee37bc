#pragma once

#include "unit/simulation/client.hpp"

#include <memory>
#include <string>
#include <vector>

namespace simulation {

/// How somebody fared.
struct tally {
    std::string name;
    seat where = 0;
    std::size_t done = 0;
    ns longest = 0; ///< that one took
    ns since = 0;   ///< when the one under way began; 0: none is

    void begin(ns now) { since = now; }
    void end(ns now)
    {
        longest = std::max(longest, now - since);
        since = 0;
        ++done;
    }
    /// The longest, be it finished or not.
    ns longest_by(ns now) const { return since == 0 ? longest : std::max(longest, now - since); }
};

/// A state of accounts, and those who work on it.
class story {
public:
    explicit story(std::uint64_t seed, server::options o = {}) : line(seed), state(line, o) {}

    static constexpr int accounts = 8;
    static constexpr int endowment = 100;

    /// Fills the accounts, before anybody else begins.
    void begin();
    void run(ns how_long);

    client& join(ns shortest_way = 20 * us, ns longest_way = 80 * us);

    /// Moves money between two accounts at random, again and again.
    tally& transfers(client& c, std::function<ns()> think);
    /// Iterates over everything, and adds up all accounts; `wrong_sums` if that is not constant.
    tally& scans(client& c, std::function<ns()> think);
    /// Adds to one number that everybody adds to.
    tally& counts(client& c, std::function<ns()> think);
    /// Moves money between two accounts, whatever they hold: it reads nothing.
    tally& gives(client& c, std::function<ns()> think);
    /// Follows a chain of keys that others change, to an end that is somewhere else each time.
    tally& follows(client& c, std::function<ns()> think);
    /// Plain increments without end, so many at a time.
    tally& writes(client& c, std::string key, int at_once = 1);
    /// Anything.
    tally& repeats(client& c, std::string name, std::string name_space, atomic::function f,
                   std::function<ns()> think);

    std::function<ns()> takes(ns least, ns most)
    {
        return [this, least, most] { return line.between(least, most); };
    }
    /// Usually quick; one time in so many it sleeps for a second.
    std::function<ns()> dozes(unsigned one_in)
    {
        return [this, one_in] { return line.one_in(one_in) ? second : 50 * us; };
    }

    std::int64_t number(const std::string& key) const;
    std::int64_t sum_of_accounts() const;
    ns longest_lease() const;
    /// The most turns that a ticket of that client saw begin before its own.
    std::size_t most_turns_before(seat where) const;

    world line;
    server state;
    std::vector<std::unique_ptr<client>> clients;
    std::vector<std::unique_ptr<tally>> tallies;
    /// Of the one whose turn begins.
    std::function<void(client&)> on_turn;
    int wrong_sums = 0;
    int failures = 0;

private:
    using chooser = std::function<atomic::function()>;
    tally& keep(client& c, std::string name);
    void again(client& c, tally& t, std::string name_space, chooser choose,
               std::function<ns()> think);
    void write_again(client& c, tally& t, std::string key);
};

} // namespace simulation
