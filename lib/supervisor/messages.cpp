#include "supervisor/messages.hpp"

#include "supervisor/message_fields.hpp"

#include <utility>

namespace zproc::supervision {
namespace {

// One description per message, read by the writer and by the reader alike. Numbers of fields are
// never used again for something else.

template <class Fields>
void describe(Fields& f, exit_report& e)
{
    f(32, e.signalled);
    f(33, e.number);
    f(34, e.core);
    f(35, e.user_time);
    f(36, e.system_time);
    f(37, e.max_resident_kib);
    f(38, e.minor_faults);
    f(39, e.major_faults);
    f(40, e.voluntary_switches);
    f(41, e.involuntary_switches);
}

template <class Fields>
void describe(Fields& f, restart_rules& r)
{
    f(48, r.when);
    f(49, r.exceptions);
    f(50, r.signals);
    f(51, r.codes);
    f(52, r.limit);
    f(53, r.delay);
    f(54, r.longest);
    f(55, r.factor);
    f(56, r.jitter);
    f(57, r.healthy_after);
}

template <class Fields>
void describe(Fields& f, message::spawn& m)
{
    f(1, m.request);
    f(2, m.entry);
    f(3, m.name);
    f(4, m.payload);
    f(5, m.grace);
    f(6, m.service);
    f(9, m.environment);
    f(10, m.directory);
    f(11, m.file_mask);
    f(12, m.limits);
    f(13, m.command);
    f(14, m.linked);
    describe(f, m.restart);
}

template <class Fields>
void describe(Fields& f, message::stop& m)
{
    f(1, m.child);
    f(2, m.grace);
}

template <class Fields>
void describe(Fields& f, message::signal& m)
{
    f(1, m.child);
    f(2, m.number);
}

template <class Fields>
void describe(Fields& f, message::keep& m)
{
    f(1, m.name);
}

template <class Fields>
void describe(Fields& f, message::drop& m)
{
    f(1, m.name);
}

template <class Fields>
void describe(Fields& f, message::leave& m)
{
    f(1, m.grace);
}

template <class Fields>
void describe(Fields& f, message::hello& m)
{
    f(1, m.runtime_directory);
    f(2, m.supervisor);
    f(3, m.error);
    f(4, m.failed);
    f(5, m.refused);
    f(6, m.isolation);
    f(7, m.control_group);
    f(8, m.guardian);
}

template <class Fields>
void describe(Fields& f, message::started& m)
{
    f(1, m.request);
    f(2, m.child);
    f(3, m.pid);
}

template <class Fields>
void describe(Fields& f, message::failed& m)
{
    f(1, m.request);
    f(2, m.error);
}

template <class Fields>
void describe(Fields& f, message::threw& m)
{
    f(1, m.retry);
}

template <class Fields>
void describe(Fields&, message::ready&)
{
}

template <class Fields>
void describe(Fields& f, message::progress& m)
{
    f(1, m.child);
    f(2, m.attempt);
    f(3, m.pid);
    f(4, m.now);
    f(5, m.delay);
    describe(f, m.exit);
}

template <class Fields>
void describe(Fields& f, message::exited& m)
{
    f(1, m.child);
    f(2, m.attempt);
    f(3, m.cause);
    describe(f, m.exit);
}

template <class Fields>
void describe(Fields& f, message::link& m)
{
    f(1, m.one);
    f(2, m.other);
}

template <class Fields>
void describe(Fields& f, message::reported& m)
{
    f(1, m.number);
}

template <class Fields>
void describe(Fields& f, message::report& m)
{
    f(1, m.number);
    f(2, m.child);
    f(3, m.now);
    f(4, m.name);
    f(5, m.pid);
    f(6, m.owner);
    f(7, m.owner_pid);
    f(8, m.attempt);
    f(9, m.service);
    f(10, m.cause);
    describe(f, m.exit);
}

template <class Fields>
void describe(Fields& f, message::gone& m)
{
    f(1, m.child);
    f(2, m.leaving);
}

template <std::size_t Kind = 0>
std::optional<any_message> decode_kind(std::size_t kind, field_reader& fields)
{
    if constexpr (Kind == std::variant_size_v<any_message>) {
        return std::nullopt;
    } else {
        if (kind != Kind)
            return decode_kind<Kind + 1>(kind, fields);
        std::variant_alternative_t<Kind, any_message> m;
        describe(fields, m);
        if (fields.failed())
            return std::nullopt;
        return any_message(std::move(m));
    }
}

} // namespace

void encode(const any_message& m, std::vector<std::byte>& out)
{
    out.clear();
    out.push_back(static_cast<std::byte>(m.index()));
    field_writer fields(out);
    // The descriptions are shared with the reader, so they take a message that may change; the
    // writer only looks.
    std::visit(
        [&]<class Message>(const Message& each) { describe(fields, const_cast<Message&>(each)); },
        m);
}

std::optional<any_message> decode(std::span<const std::byte> packet)
{
    if (packet.empty())
        return std::nullopt;
    field_reader fields(packet.subspan(1));
    if (fields.failed())
        return std::nullopt;
    return decode_kind(std::to_integer<std::size_t>(packet[0]), fields);
}

} // namespace zproc::supervision
