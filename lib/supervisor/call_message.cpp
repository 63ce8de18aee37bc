#include "supervisor/call_message.hpp"

#include "supervisor/symbols.hpp"

#include <algorithm>
#include <cstring>
#include <span>

namespace zproc::supervision {

namespace {

class field_writer {
public:
    field_writer& text(std::string_view value)
    {
        number(value.size());
        out_.append(value);
        return *this;
    }

    field_writer& number(std::uint64_t value)
    {
        char bytes[sizeof value];
        std::memcpy(bytes, &value, sizeof value);
        out_.append(bytes, sizeof bytes);
        return *this;
    }

    std::string take() { return std::move(out_); }

private:
    std::string out_;
};

/// Every read is checked; after the first that fails all give nothing, and good() is false.
class field_reader {
public:
    explicit field_reader(std::string_view bytes) : rest_(bytes) {}

    std::uint64_t number()
    {
        std::uint64_t value = 0;
        const auto bytes = take(sizeof value);
        if (good_)
            std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }

    std::string text() { return std::string(take(number())); }

    /// Of things with at least one number each, so a wrong count ends the reading.
    template <class Each>
    void list(Each each)
    {
        for (auto left = number(); left != 0 && good_; --left)
            each();
    }

    bool finished() const { return good_ && rest_.empty(); }

private:
    std::string_view take(std::uint64_t size)
    {
        good_ = good_ && size <= rest_.size();
        if (!good_)
            return {};
        const auto taken = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(taken.size());
        return taken;
    }

    std::string_view rest_;
    bool good_ = true;
};

void put(field_writer& out, const detail::code_address& address)
{
    out.text(address.build_id).number(address.offset).text(address.path);
}

detail::code_address get_address(field_reader& in)
{
    detail::code_address address;
    address.build_id = in.text();
    address.offset = in.number();
    address.path = in.text();
    return address;
}

} // namespace

std::string encode(const call_message& message)
{
    field_writer out;
    put(out, message.function.stub);
    put(out, message.function.target);
    out.text(message.arguments).text(message.name).text(message.settings);
    out.number(static_cast<std::uint64_t>(message.owner));
    out.number(message.retried.size());
    for (const auto& each : message.retried)
        put(out, each.stub);
    out.number(message.carried.size());
    for (const auto& each : message.carried)
        put(out, each.stub);
    return out.take();
}

std::optional<call_message> decode_call(std::string_view bytes)
{
    field_reader in(bytes);
    call_message message;
    message.function.stub = get_address(in);
    message.function.target = get_address(in);
    message.arguments = in.text();
    message.name = in.text();
    message.settings = in.text();
    message.owner = static_cast<pid_t>(in.number());
    in.list([&] { message.retried.push_back({get_address(in), {}}); });
    in.list([&] { message.carried.push_back({get_address(in), {}}); });
    if (!in.finished())
        return std::nullopt;
    return message;
}

std::string encode(const thrown_exception& thrown)
{
    field_writer out;
    out.number(thrown.which).text(thrown.archive);
    return out.take();
}

std::optional<thrown_exception> decode_thrown(std::string_view bytes)
{
    field_reader in(bytes);
    thrown_exception thrown;
    thrown.which = in.number();
    thrown.archive = in.text();
    if (!in.finished())
        return std::nullopt;
    return thrown;
}

std::string encode(const error_report& report)
{
    field_writer out;
    out.text(report.type).text(report.text).number(report.causes.size());
    for (const auto& cause : report.causes)
        out.text(cause.type).text(cause.text);
    out.number(report.stack.size());
    for (const auto& line : report.stack)
        out.text(line);
    out.text(report.stack_note).number(static_cast<std::uint64_t>(report.pid)).text(report.process);
    return out.take();
}

std::optional<error_report> decode_error(std::string_view bytes)
{
    field_reader in(bytes);
    error_report report;
    report.type = in.text();
    report.text = in.text();
    in.list([&] {
        auto type = in.text();
        report.causes.push_back({std::move(type), in.text()});
    });
    in.list([&] { report.stack.push_back(in.text()); });
    report.stack_note = in.text();
    report.pid = static_cast<pid_t>(in.number());
    report.process = in.text();
    if (!in.finished())
        return std::nullopt;
    return report;
}

std::optional<crash_report> decode_crash(std::string_view bytes)
{
    crash_record record;
    if (bytes.size() != sizeof record)
        return std::nullopt;
    std::memcpy(&record, bytes.data(), sizeof record);
    const auto count = std::min<std::uint64_t>(record.count, crash_record::max_frames);
    crash_report report;
    report.signal = record.signal;
    report.code = record.code;
    report.address = record.address;
    report.stack = symbolize(std::span<void* const>(record.frames.data(), count));
    return report;
}

} // namespace zproc::supervision
