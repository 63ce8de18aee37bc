#pragma once

#include "client/transaction_fsm.hpp"
#include "protocol/frame.hpp"
#include "value/msgpack.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace transaction_test {

using namespace zproc;
using client::transaction_fsm;
using action = client::transaction_fsm::action;
using protocol::operation;
using texts = std::vector<std::string>;
using function = std::function<void(draft&)>;

/// A server of one namespace that does as it is told, and the run of a function.
struct script {
    transaction_fsm machine{"n", 3, 100};
    std::int64_t now = 1'000'000;
    std::map<std::string, std::pair<std::uint64_t, protocol::buffer>> there; ///< by revision
    std::uint64_t revision = 0;
    protocol::buffer request;
    protocol::frame asked;
    bool threw = false;
    error_code failed; ///< what it threw, if it was one of ours

    void put(const std::string& key, const value& v)
    {
        auto& [modified, bytes] = there[key];
        modified = ++revision;
        bytes.clear();
        BOOST_REQUIRE(!msgpack::encode(v, bytes));
    }

    action run(const function& f)
    {
        draft d(machine.source());
        threw = false;
        failed = {};
        try {
            f(d);
        } catch (const detail::draft_restart&) {
        } catch (const system_error& e) {
            threw = true;
            failed = e.code();
        } catch (const std::runtime_error&) {
            threw = true;
        }
        return machine.ran(d, threw);
    }

    /// What it asks now, decoded.
    template <class Request>
    Request asks()
    {
        request.clear();
        machine.write(request, 5, {9, 8, 0});
        protocol::frame_parser parser(1u << 20);
        std::ranges::copy(request, parser.prepare(request.size()).begin());
        parser.commit(request.size());
        BOOST_REQUIRE(parser.next(asked) == protocol::frame_parser::found);
        BOOST_TEST((asked.code == Request::code));
        asked.body = protocol::bytes_view(request).subspan(protocol::header_bytes);
        Request out;
        BOOST_REQUIRE(!protocol::decode(asked.body, out).failed());
        return out;
    }

    protocol::present look(std::string_view key) const
    {
        const auto found = there.find(std::string(key));
        if (found == there.end())
            return {key, 0, {}};
        return {key, found->second.first, protocol::bytes_view(found->second.second)};
    }
    std::vector<protocol::present> all() const
    {
        std::vector<protocol::present> items;
        for (const auto& [key, each] : there)
            items.push_back(look(key));
        return items;
    }
    template <class Reply>
    action answer(const Reply& reply, error_code ec = {})
    {
        protocol::buffer body;
        protocol::encode(body, reply);
        return machine.answered(ec, body, now);
    }

    /// The keys of a read, which is answered.
    texts read(std::uint64_t turn = 0)
    {
        const auto asked_for = asks<protocol::read_request>();
        BOOST_TEST(asked_for.turn == turn);
        protocol::read_reply reply{revision, {}};
        for (const auto key : asked_for.keys)
            reply.items.push_back(look(key));
        const texts names(asked_for.keys.begin(), asked_for.keys.end());
        BOOST_TEST((answer(reply) == action::run));
        return names;
    }
    void snapshot(std::uint64_t turn = 0)
    {
        BOOST_TEST(asks<protocol::snapshot_request>().turn == turn);
        BOOST_TEST((answer(protocol::snapshot_reply{revision, all()}) == action::run));
    }
    action conflict(bool scan_failed = false)
    {
        const auto asked_for = asks<protocol::commit_request>();
        protocol::conflict_reply reply{revision, scan_failed, {}};
        for (const auto& each : asked_for.reads)
            reply.items.push_back(look(each.key));
        for (const auto& each : asked_for.additions)
            if (const auto held = look(each.key); held.value && !is_number(*held.value))
                reply.items.push_back(held);
        return answer(reply, errc::conflict);
    }
    static bool is_number(protocol::bytes_view encoded)
    {
        value v;
        return !msgpack::decode(encoded, v) && v.is_number();
    }
    action commit() { return answer(protocol::mutation_reply{++revision, true, {}}); }

    /// Grants what is asked for.
    action grant(std::uint64_t lease = 2'000'000, bool crowded = false)
    {
        const auto asked_for = asks<protocol::turn_request>();
        protocol::turn_reply reply{lease, asked_for.scanned, revision, {}};
        if (asked_for.scanned)
            reply.items = all();
        for (const auto key : asked_for.keys)
            reply.items.push_back(look(key));
        reply.crowded = crowded;
        return answer(reply);
    }

    /// Until it asks for a turn, each attempt taking a while.
    void fail_thrice(const function& f, std::int64_t attempt = 0)
    {
        while (run(f) == action::ask && !machine.asks_commit())
            read();
        for (int i = 0; i != 2; ++i) {
            BOOST_TEST((conflict() == action::run));
            now += attempt;
            BOOST_TEST((run(f) == action::ask));
        }
        BOOST_TEST((conflict() == action::ask));
        BOOST_TEST(machine.ticket() != 0u);
        BOOST_TEST(machine.turn() == 0u);
    }
};

inline void add_one(draft& d)
{
    d["k"] += 1;
}

/// Reads what it changes.
inline void increment(draft& d)
{
    static_cast<void>(d.contains("k"));
    d["k"] += 1;
}

inline int sum(draft& d)
{
    int all = 0;
    for (const auto& [key, v] : d)
        all += v.get<int>();
    return all;
}

} // namespace transaction_test
