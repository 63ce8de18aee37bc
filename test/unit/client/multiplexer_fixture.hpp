#pragma once

#include "client/multiplexer.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <vector>

namespace multiplexer_test {

using namespace zproc;
using client::multiplexer;
using standing = client::multiplexer::standing;

/// What became of the calls, by name.
using outcomes = std::map<std::string, error_code>;

struct named_call final : client::call {
    std::string name;
    outcomes* log;
    std::vector<protocol::mutation>* stamps;
    std::uint32_t* correlation;
    bool fence = false;
    bool urgent = false;
    bool patient = false;

    named_call(std::string n, bool mutation, outcomes* l, std::vector<protocol::mutation>* s,
               std::uint32_t* c)
        : call(mutation), name(std::move(n)), log(l), stamps(s), correlation(c)
    {
    }
    void write(protocol::buffer& out, std::uint32_t id, const protocol::mutation& by) override
    {
        *correlation = id;
        stamps->push_back(by);
        for (char c : name)
            out.push_back(static_cast<std::byte>(c));
    }
    void done(error_code ec, protocol::bytes_view) override { (*log)[name] = ec; }
    bool is_fence() const noexcept override { return fence; }
    bool is_urgent() const noexcept override { return urgent; }
    bool is_patient() const noexcept override { return patient; }
};

struct fixture {
    multiplexer mux;
    std::size_t largest = 1000;
    std::int64_t now = 0;
    outcomes log;
    std::map<std::string, std::vector<protocol::mutation>> stamps;
    std::map<std::string, std::uint32_t> correlations;

    multiplexer::ticket add(const std::string& name, bool mutation = false, std::int64_t due = 100)
    {
        std::unique_ptr<client::call> what =
            std::make_unique<named_call>(name, mutation, &log, &stamps[name], &correlations[name]);
        return mux.add(what, due);
    }
    multiplexer::ticket add_fence(const std::string& name)
    {
        auto made =
            std::make_unique<named_call>(name, false, &log, &stamps[name], &correlations[name]);
        made->fence = true;
        std::unique_ptr<client::call> what = std::move(made);
        return mux.add(what, 100);
    }
    multiplexer::ticket add_urgent(const std::string& name, bool mutation)
    {
        auto made =
            std::make_unique<named_call>(name, mutation, &log, &stamps[name], &correlations[name]);
        made->urgent = true;
        std::unique_ptr<client::call> what = std::move(made);
        return mux.add(what, 100);
    }
    multiplexer::ticket add_patient(const std::string& name, std::int64_t due)
    {
        auto made =
            std::make_unique<named_call>(name, false, &log, &stamps[name], &correlations[name]);
        made->patient = true;
        std::unique_ptr<client::call> what = std::move(made);
        return mux.add(what, due);
    }
    std::uint64_t number(const std::string& name) { return stamps.at(name).back().number; }
    std::string write()
    {
        protocol::buffer out;
        for (auto& large : mux.write(out, largest, now))
            large->done(errc::too_large, {});
        std::string text;
        for (std::byte b : out)
            text += static_cast<char>(b);
        return text;
    }
    bool answer(const std::string& name)
    {
        auto what = mux.reply(correlations.at(name));
        if (what)
            what->done({}, {});
        return what != nullptr;
    }
};

} // namespace multiplexer_test
