#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace zproc::serving {

/// A connection's number in its host; reused when the connection is gone.
using seat = std::uint32_t;

/// What a key that is remembered for a client counts: about the memory that it takes.
constexpr std::size_t weight_of(std::string_view key)
{
    return 1 + key.size() / 64;
}

/// Who wants to be woken for what. Pure.
class interests {
public:
    /// Beyond so many, all are woken at once, and nobody counts them.
    explicit interests(std::size_t few = 8) : few_(few) {}

    /// Registers; `id` is the seat's, and what it stood for before is forgotten. No keys: all.
    void add(seat who, std::uint64_t id, std::string_view name_space,
             std::span<const std::string_view> keys);
    void remove(seat who, std::uint64_t id);
    void remove_all(seat who);
    /// How much a registration counts: a namespace as a whole, or each key, and a long one more.
    static std::size_t weight(std::span<const std::string_view> keys);
    /// How much a seat has registered.
    std::size_t count(seat who) const { return who < counts_.size() ? counts_[who] : 0; }
    /// How much of that one registration is.
    std::size_t count(seat who, std::uint64_t id) const;

    /// A key has changed.
    void touch(std::string_view name_space, std::string_view key);

    /// Whom to wake for all touched since the last reset: those, or everybody when `many()`.
    std::span<const seat> woken() const { return woken_; }
    bool many() const { return woken_.size() > few_; }
    void reset();

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const
        {
            return std::hash<std::string_view>()(text);
        }
    };
    template <class T>
    using by_text = std::unordered_map<std::string, T, text_hash, std::equal_to<>>;

    using registration = std::pair<seat, std::uint64_t>;
    /// How many times each seat has registered: a process is looked at once, whatever it watches.
    using listeners = std::unordered_map<seat, std::size_t>;
    struct audience {
        listeners whole;
        by_text<listeners> keys;
    };
    struct subject {
        std::string name_space;
        std::vector<std::string> keys;
        std::size_t weight = 0;
    };

    void wake(const listeners& registered);
    void withdraw(const registration& who, const subject& what);

    std::size_t few_;
    by_text<audience> spaces_;
    std::map<registration, subject> registered_;
    std::vector<std::size_t> counts_; // by seat
    std::vector<seat> woken_;
    std::vector<bool> awake_; // by seat
};

} // namespace zproc::serving
