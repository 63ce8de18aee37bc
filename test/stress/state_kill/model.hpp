#pragma once

#include "stress/state_kill/round.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

/// What a key that only one client writes may be, by what that client was told.
namespace zproc::test::killing {

/// One mutation of a key, on its text. Pure.
struct mutation {
    enum class kind { set, erase, exchange, set_default } what = kind::set;
    std::string from; ///< of an exchange
    std::string to;

    struct effect {
        std::string after;
        std::string result; ///< what the client is told; "" when nothing
    };
    effect on(const std::string& before) const
    {
        switch (what) {
        case kind::set: return {to, ""};
        case kind::erase: return {absent, before == absent ? "false" : "true"};
        case kind::exchange: return before == from ? effect{to, "true"} : effect{before, "false"};
        case kind::set_default: return before == absent ? effect{to, to} : effect{before, before};
        }
        return {};
    }
};

class possible_texts {
public:
    /// The mutation was acknowledged with that result; false when no history could lead to it.
    bool acknowledged(const mutation& m, const std::string& result)
    {
        std::vector<std::string> next;
        for (const auto& each : texts_)
            if (auto [after, told] = m.on(each); told == result)
                add(next, std::move(after));
        if (next.empty())
            return false;
        texts_ = std::move(next);
        return true;
    }

    /// It may have been applied.
    void unknown(const mutation& m)
    {
        auto next = texts_;
        for (const auto& each : texts_)
            add(next, m.on(each).after);
        texts_ = std::move(next);
    }

    bool contains(const std::string& text) const { return std::ranges::count(texts_, text) != 0; }
    const std::string& any() const { return texts_.front(); }
    const std::vector<std::string>& all() const { return texts_; }

private:
    static void add(std::vector<std::string>& to, std::string text)
    {
        if (std::ranges::count(to, text) == 0)
            to.push_back(std::move(text));
    }

    std::vector<std::string> texts_{absent};
};

} // namespace zproc::test::killing
