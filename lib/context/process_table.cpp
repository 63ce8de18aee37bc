#include "context/context_core.hpp"

#include <zproc/context.hpp>
#include <zproc/detail/state_operations.hpp>
#include <zproc/process_info.hpp>

#include <algorithm>
#include <array>
#include <ostream>
#include <utility>

namespace zproc {

namespace {

process_status status_named(std::string_view name)
{
    using enum process_status;
    for (const auto each : {starting, up, ready, stopping, backoff, failed, down})
        if (to_string(each) == name)
            return each;
    return starting;
}

std::optional<int> number_at(const dict& line, const char* member)
{
    const auto found = line[member];
    return found.is_null() ? std::nullopt : std::optional(found.get<int>());
}

process_info to_info(const dict& line)
{
    process_info info;
    info.id = line["id"].get<std::uint64_t>();
    info.name = line["name"].get<std::string>();
    info.pid = line["pid"].get<int>();
    info.owner = line["owner"].get<std::uint64_t>();
    info.owner_pid = line["owner_pid"].get<int>();
    info.status = status_named(line["status"].get<std::string>());
    info.attempt = line["attempt"].get<int>();
    info.service = line["service"].get<bool>();
    info.code = number_at(line, "code");
    info.signal = number_at(line, "signal");
    info.cause = line["cause"].get<std::string>();
    return info;
}

struct to_processes {
    void operator()(error_code& ec, detail::response& r, std::vector<process_info>& result) const
    {
        if (ec)
            return;
        // Whoever may write to the state may have written nonsense into the table.
        for (const auto& [key, line] : from_value<dict>(std::move(r.result)))
            try {
                result.push_back(to_info(line.get<dict>()));
            } catch (const system_error& e) {
                ec = e.code();
            }
        std::ranges::sort(result, {}, &process_info::id);
    }
};

} // namespace

std::ostream& operator<<(std::ostream& out, const process_info& info)
{
    out << '<' << (info.service ? "service '" : "process '") << info.name << "' pid " << info.pid
        << " owner " << info.owner_pid << ' ' << info.status;
    if (info.attempt != 1)
        out << " attempt " << info.attempt;
    if (info.code)
        out << " code " << *info.code;
    if (info.signal)
        out << " signal " << *info.signal;
    if (!info.cause.empty())
        out << " (" << info.cause << ')';
    return out << '>';
}

void context::processes(const std::shared_ptr<detail::context_core>& core,
                        detail::handler<void(error_code, std::vector<process_info>)> done)
{
    using pending =
        detail::typed_pending<void(error_code, std::vector<process_info>), to_processes>;
    const detail::state_identity table{{core, core->engine().get()}, process_table, 0};
    table.engine->submit(table, {detail::operation::snapshot, {}, {}, {}},
                         std::make_unique<pending>(std::move(done), to_processes{}, nullptr));
}

watcher context::monitor(std::uint64_t id) const
{
    watch_options once;
    once.count = 1;
    return state(process_table)
        .when(
            std::to_string(id),
            [](const value& line) {
                const auto* found = line.is_dict() ? line.as_dict().find("status") : nullptr;
                return found != nullptr && (*found == "down" || *found == "failed");
            },
            once);
}

error_code context::link(std::uint64_t one, std::uint64_t other) const
{
    // Who has not started yet, or is nobody, has no id.
    if (one == 0 || other == 0)
        return errc::process_gone;
    return core()->link(one, other);
}

} // namespace zproc
