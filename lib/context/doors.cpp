#include "context/context_core.hpp"
#include "server/state_process.hpp"
#include "supervisor/prepare.hpp"
#include "tcp.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include <unistd.h>

/// Where the server of a context listens.
namespace zproc::detail {

namespace {

/// More would not fit into one message to the supervisor, and are a mistake.
constexpr std::size_t most_doors = 16;

std::string private_path()
{
    static std::atomic<unsigned> count = 0;
    return supervision::runtime_directory() + '/' + std::string(serving::socket_name) + '-' +
           std::to_string(::getpid()) + '-' + std::to_string(++count);
}

/// What was made is taken back unless all of it was.
struct opened {
    std::vector<descriptor> listeners;
    std::vector<std::string> paths;

    ~opened()
    {
        for (const auto& each : paths)
            ::unlink(each.c_str());
    }
    error_code open(protocol::address& at, bool knows_clients, std::string& text)
    {
        error_code ec;
        if (at.is_tcp()) {
            listeners.push_back(tcp::listen(at, knows_clients, at, ec, text));
        } else {
            listeners.push_back(serving::make_listener(at.path, ec));
            if (!ec)
                paths.push_back(at.path);
        }
        return ec;
    }
};

} // namespace

/// Every address that was asked for, and a Unix socket for this program in any case: only over
/// that the journal is shared.
error_code context_core::open_doors(std::vector<descriptor>& listeners, std::string& text)
{
    std::vector<std::string> asked = options_.listens();
    if (!options_.address().empty())
        asked.insert(asked.begin(), options_.address());
    if (asked.size() > most_doors) {
        text = "a server listens at " + std::to_string(most_doors) + " addresses at most";
        return errc::bad_address;
    }
    std::vector<protocol::address> served;
    for (const auto& each : asked)
        if (const auto ec =
                protocol::parse_address(each, protocol::side::server, served.emplace_back(), text))
            return ec;
    // Told to nobody, unless there is nothing else.
    protocol::address own;
    if (const auto found = std::ranges::find_if(served, [](const auto& a) { return !a.is_tcp(); });
        found != served.end())
        own = *found;
    else
        own.path = private_path();
    const bool hidden = !std::ranges::count(served, own);
    const bool known = !shown_.secret.empty() || !identity_.authorities.empty();
    opened made;
    for (auto& each : served)
        if (const auto ec = made.open(each, known, text))
            return ec;
    if (hidden)
        if (const auto ec = made.open(own, known, text))
            return ec;
    made.paths.clear();
    listeners = std::move(made.listeners);
    const std::lock_guard lock(mutex_);
    if (served.empty())
        served.push_back(own);
    where_ = std::move(own);
    served_ = std::move(served);
    return {};
}

} // namespace zproc::detail
