#pragma once

#include "stress/state_kill/model.hpp"

#include <zproc.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

namespace zproc::test::killing {

namespace asio = boost::asio;

inline std::string text_of(const value& v)
{
    return v.to_json();
}

/// A client that writes until it is told to stop: one lane awaits each reply before the next
/// request, one sends several at once, one shares its keys with all other writers.
class writer {
public:
    writer(context ctx, int id)
        : ctx_(std::move(ctx)),
          own_("w" + std::to_string(id) + '/'),
          id_(id),
          random_(round_plan.seed * 1000 + static_cast<unsigned>(id))
    {
    }

    asio::awaitable<report> run()
    {
        const auto here = co_await asio::this_coro::executor;
        int running = 0;
        asio::steady_timer ended(here, asio::steady_timer::time_point::max());
        const auto begin = [&](asio::awaitable<void> lane) {
            ++running;
            asio::co_spawn(here, std::move(lane), [&](std::exception_ptr error) {
                if (error)
                    report_.violated("a lane of a writer failed: " + text_of_error(error));
                if (--running == 0)
                    ended.cancel();
            });
        };
        begin(serial_lane());
        begin(pipelined_lane());
        begin(common_lane());
        if (round_plan.growing)
            begin(growing_lane());
        error_code ignored;
        co_await ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        for (const auto& [key, texts] : own_keys_)
            report_.possible[key] = texts.all();
        page->acknowledged += acknowledged_;
        page->unknown += unknown_;
        co_return std::move(report_);
    }

private:
    static std::string text_of_error(const std::exception_ptr& error)
    {
        try {
            std::rethrow_exception(error);
        } catch (const std::exception& e) {
            return e.what();
        }
    }

    std::string new_text()
    {
        return "w" + std::to_string(id_) + '.' + std::to_string(++sequence_) +
               std::string(round_plan.padding, 'x');
    }
    static std::string quoted(const std::string& text) { return '"' + text + '"'; }

    /// False: it may or may not have happened. Every other error is a violation.
    bool went_well(const error_code& ec, const char* what)
    {
        if (!ec) {
            ++acknowledged_;
            return true;
        }
        ++unknown_;
        if (ec != errc::outcome_unknown)
            report_.violated(std::string(what) + " failed: " + ec.message());
        return false;
    }

    mutation any_mutation(const std::string& key)
    {
        using kind = mutation::kind;
        const auto& now = own_keys_[key].any();
        switch (random_() % 8) {
        case 0:
        case 1: return {kind::erase, {}, {}};
        case 2: return {kind::set_default, {}, quoted(new_text())};
        case 3: // most succeed
        case 4:
            return {kind::exchange, random_() % 4 == 0 ? quoted("no") : now, quoted(new_text())};
        default: return {kind::set, {}, quoted(new_text())};
        }
    }

    static std::string unquoted(const std::string& text) { return text.substr(1, text.size() - 2); }

    /// Sends a mutation; `done` gets the error and what it told.
    void send(const std::string& key, const mutation& m,
              std::function<void(error_code, std::string)> done)
    {
        using kind = mutation::kind;
        const auto told = [done](error_code ec, bool yes) { done(ec, yes ? "true" : "false"); };
        const std::string to = m.to.empty() ? std::string() : unquoted(m.to);
        switch (m.what) {
        case kind::set: return state_.set(key, to, [done](error_code ec) { done(ec, ""); });
        case kind::erase: return state_.erase(key, told);
        case kind::set_default:
            return state_.set_default(
                key, to, [done](error_code ec, const std::string& now) { done(ec, quoted(now)); });
        case kind::exchange:
            if (m.from == absent)
                return state_.compare_exchange(key, nullptr, to, told);
            return state_.compare_exchange(key, unquoted(m.from), to, told);
        }
    }

    void learn(const std::string& key, const mutation& m, const error_code& ec,
               const std::string& result)
    {
        auto& texts = own_keys_[key];
        if (!went_well(ec, "a mutation of an own key"))
            texts.unknown(m);
        else if (!texts.acknowledged(m, result))
            report_.violated("what was told of " + key + " cannot be: '" + result.substr(0, 40) +
                             "' after '" + texts.any().substr(0, 40) + '\'');
    }

    /// Several requests at once; what they did is judged in the order they were made.
    asio::awaitable<void> batch(std::vector<std::pair<std::string, mutation>> requests)
    {
        struct answers {
            std::vector<std::pair<error_code, std::string>> all;
            std::size_t missing;
        };
        const auto got = std::make_shared<answers>();
        got->all.resize(requests.size());
        got->missing = requests.size();
        asio::steady_timer answered(co_await asio::this_coro::executor,
                                    asio::steady_timer::time_point::max());
        for (std::size_t i = 0; i != requests.size(); ++i)
            send(requests[i].first, requests[i].second,
                 [got, i, &answered](error_code ec, std::string result) {
                     got->all[i] = {ec, std::move(result)};
                     if (--got->missing == 0)
                         answered.cancel();
                 });
        error_code ignored;
        co_await answered.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        for (std::size_t i = 0; i != requests.size(); ++i)
            learn(requests[i].first, requests[i].second, got->all[i].first, got->all[i].second);
    }

    /// One at a time, read again, and sometimes all keys in one transaction.
    asio::awaitable<void> serial_lane()
    {
        const auto prefix = own_ + "serial/";
        while (!page->stop) {
            const auto key = prefix + std::to_string(random_() % 4);
            if (random_() % 6 == 0) {
                co_await update_all(prefix);
                continue;
            }
            std::vector<std::pair<std::string, mutation>> one;
            one.emplace_back(key, any_mutation(key));
            co_await batch(std::move(one));
            const auto now = co_await read(key);
            if (!own_keys_[key].contains(now))
                report_.violated(key + " is '" + now.substr(0, 40) + "' after it was left as '" +
                                 own_keys_[key].any().substr(0, 40) + '\'');
        }
    }

    asio::awaitable<std::string> read(const std::string& key)
    {
        const auto found = co_await state_.get<std::optional<std::string>>(key);
        co_return found ? quoted(*found) : absent;
    }

    asio::awaitable<void> update_all(const std::string& prefix)
    {
        const auto text = new_text();
        dict changes;
        for (int i = 0; i != 4; ++i)
            changes.insert_or_assign(prefix + std::to_string(i), value(text));
        error_code ec;
        co_await state_.update(changes, asio::redirect_error(asio::use_awaitable, ec));
        const mutation m{mutation::kind::set, {}, quoted(text)};
        const bool well = went_well(ec, "an update");
        for (int i = 0; i != 4; ++i) {
            auto& texts = own_keys_[prefix + std::to_string(i)];
            if (well)
                static_cast<void>(texts.acknowledged(m, ""));
            else
                texts.unknown(m);
        }
    }

    asio::awaitable<void> pipelined_lane()
    {
        while (!page->stop) {
            std::vector<std::pair<std::string, mutation>> requests;
            const auto count = 1 + random_() % 16;
            for (unsigned i = 0; i != count; ++i) {
                const auto key = own_ + "piped/" + std::to_string(random_() % 3);
                requests.emplace_back(key, any_mutation(key));
            }
            co_await batch(std::move(requests));
        }
    }

    /// Ever new keys, so that the ring has to grow.
    asio::awaitable<void> growing_lane()
    {
        for (int i = 0; !page->stop && i != 4000; ++i) {
            std::vector<std::pair<std::string, mutation>> one;
            one.emplace_back(own_ + "new/" + std::to_string(i),
                             mutation{mutation::kind::set, {}, quoted(new_text())});
            co_await batch(std::move(one));
        }
    }

    /// What all writers do to the same keys.
    asio::awaitable<void> common_lane()
    {
        while (!page->stop) {
            switch (random_() % 4) {
            case 0: co_await count(); break;
            case 1: co_await append(); break;
            case 2: co_await transfer(); break;
            case 3: co_await add(); break;
            }
        }
    }

    asio::awaitable<void> count()
    {
        error_code ec;
        const value sum =
            co_await state_.increment("count", 1, asio::redirect_error(asio::use_awaitable, ec));
        if (went_well(ec, "an increment"))
            report_.sums.push_back(sum.get<std::int64_t>());
        else
            ++report_.unknown_increments;
    }

    static void add_one(draft& state) { state["count"] += 1; }

    asio::awaitable<void> add()
    {
        error_code ec;
        try {
            co_await state_.atomic(&add_one);
        } catch (const system_error& e) {
            ec = e.code();
        }
        ++(went_well(ec, "an addition") ? report_.additions : report_.unknown_increments);
    }

    asio::awaitable<void> append()
    {
        const auto item = std::to_string(id_) + ':' + std::to_string(++items_);
        const auto key = "list/" + std::to_string(items_ / 32);
        error_code ec;
        co_await state_.append(key, item, asio::redirect_error(asio::use_awaitable, ec));
        (went_well(ec, "an append") ? report_.appended : report_.uncertain).push_back(item);
    }

    static void move_money(draft& state, int from, int to, int writer)
    {
        state["account/" + std::to_string(from)] -= 1;
        state["account/" + std::to_string(to)] += 1;
        state["transfers/" + std::to_string(writer)] += 1;
    }

    asio::awaitable<void> transfer()
    {
        const int from = static_cast<int>(random_() % 3);
        const int to = (from + 1 + static_cast<int>(random_() % 2)) % 3;
        error_code ec;
        try {
            co_await state_.atomic(&move_money, from, to, id_);
        } catch (const system_error& e) {
            ec = e.code();
        }
        ++(went_well(ec, "a transfer") ? report_.transfers : report_.unknown_transfers);
    }

    context ctx_;
    state state_ = ctx_.state();
    std::string own_;
    int id_;
    std::mt19937 random_;
    std::map<std::string, possible_texts> own_keys_;
    unsigned sequence_ = 0;
    unsigned items_ = 0;
    std::uint64_t acknowledged_ = 0;
    std::uint64_t unknown_ = 0;
    report report_;
};

inline asio::awaitable<report> write_until_told(context ctx, int id)
{
    writer self(ctx, id);
    co_return co_await self.run();
}

} // namespace zproc::test::killing
