#include "state_service.hpp"

#include "server/state_process.hpp"
#include "supervisor/link.hpp"
#include "supervisor/packet.hpp"
#include "value/msgpack.hpp"

#include <zproc/dict.hpp>
#include <zproc/process_info.hpp>

#include <boost/asio/error.hpp>

#include <string>

#include <poll.h>
#include <sys/stat.h>

namespace zproc {

namespace {

using supervision::message::report;

/// What the supervisor has to know before we go on: waits until there is room to tell it.
template <class Send>
error_code insist(int control, Send send)
{
    constexpr int patience = 5000; // ms
    for (;;) {
        const error_code ec = send();
        if (ec != asio::error::would_block)
            return ec;
        pollfd room{control, POLLOUT, 0};
        if (::poll(&room, 1, patience) <= 0)
            return ec;
    }
}

process_status status_of(report::state now)
{
    switch (now) {
    case report::state::up: return process_status::up;
    case report::state::ready: return process_status::ready;
    case report::state::stopping: return process_status::stopping;
    case report::state::backoff: return process_status::backoff;
    case report::state::failed: return process_status::failed;
    case report::state::down:
    case report::state::forgotten: break;
    }
    return process_status::down;
}

/// As `process_info` says.
dict line_of(const report& m)
{
    dict line;
    line["id"] = m.child;
    line["name"] = m.name;
    line["pid"] = m.pid;
    line["owner"] = m.owner;
    line["owner_pid"] = m.owner_pid;
    line["status"] = std::string(to_string(status_of(m.now)));
    line["attempt"] = m.attempt;
    line["service"] = m.service;
    line["cause"] = m.cause;
    line["report"] = m.number;
    const bool ended = m.attempt > 1 || m.now == report::state::backoff ||
                       m.now == report::state::failed || m.now == report::state::down;
    if (ended)
        line[m.exit.signalled ? "signal" : "code"] = m.exit.number;
    return line;
}

/// The table of processes as the supervisor tells it.
class table_keeper {
public:
    explicit table_keeper(int control) : control_(control) {}

    /// True at the end of the socket.
    bool read(serving::host& state)
    {
        std::uint64_t last = 0;
        bool ended = false;
        for (int i = 0; i != most_at_once && !ended; ++i) {
            const auto packet = receiver_.receive(control_);
            using outcome = supervision::received_packet::outcome;
            if (packet.what == outcome::nothing_yet)
                break;
            ended = packet.what == outcome::closed;
            const auto m = supervision::decode(packet.bytes);
            if (const auto* line = m ? std::get_if<report>(&*m) : nullptr) {
                write(state, *line);
                last = line->number;
            }
        }
        if (last != 0) {
            // Not yet on a full disk: then a successor is told once more.
            if (state.commit())
                insist(control_, [&] { return supervision::confirm_reports(control_, last); });
        }
        return ended;
    }

private:
    static constexpr int most_at_once = 64;

    static void write(serving::host& state, const report& m)
    {
        const auto key = std::to_string(m.child);
        if (m.now == report::state::forgotten)
            return state.record(process_table, key, std::nullopt);
        // What a predecessor has written, and could not confirm any more, comes again.
        value before;
        if (const auto present = state.look(process_table, key))
            if (!msgpack::decode(*present, before) && is_written(m, before))
                return;
        bytes encoded;
        if (!msgpack::encode(value(line_of(m)), encoded))
            state.record(process_table, key, encoded);
    }

    static bool is_written(const report& m, const value& before)
    {
        const auto* number = before.is_dict() ? before.as_dict().find("report") : nullptr;
        return number != nullptr && number->is_integer() &&
               number->get<std::int64_t>() >= static_cast<std::int64_t>(m.number);
    }

    int control_;
    supervision::packet_receiver receiver_;
};

} // namespace

namespace {

/// A directory is where the state is kept; everything else is listened on.
void sort_in(serving::state_process_start& given, int file)
{
    struct stat facts{};
    if (::fstat(file, &facts) == 0 && S_ISDIR(facts.st_mode))
        given.data = file;
    else if (given.listener < 0)
        given.listener = file;
    else
        given.more_listeners.push_back(file);
}

} // namespace

ZPROC_SUPERVISION_ENTRY(state_service_entry, state_service);

int state_service(const supervision::child_start& start)
{
    table_keeper table(start.control);
    serving::state_process_start given;
    given.control = start.control;
    for (const int each : start.descriptors)
        sort_in(given, each);
    given.find_kept = [&start](std::string_view name) { return start.find_kept(name); };
    given.keep = [control = start.control](std::string_view name, int file) {
        // A successor is only as good as what was kept.
        return insist(control, [&] { return supervision::keep_descriptor(control, name, file); });
    };
    given.told = [&table](serving::host& state) { return table.read(state); };
    given.options = start.payload;
    return serving::run_state_process(given);
}

} // namespace zproc
