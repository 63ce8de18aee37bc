#include "swarm/worker_ending.hpp"

#include "protocol/body.hpp"

#include <chrono>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace zproc::swarming {

using protocol::body_reader;
using protocol::body_writer;
using protocol::buffer;

namespace {

constexpr std::size_t fields = 14;
constexpr std::size_t error_fields = 7;
constexpr std::size_t crash_fields = 4;

using microseconds = std::chrono::microseconds;

class ending_writer {
public:
    explicit ending_writer(buffer& out) : out_(out) {}

    void write(const worker_ending& e)
    {
        const auto& info = e.info;
        out_.list(fields).put(e.sign.chunk).put(e.sign.item);
        out_.flag(info.signal.has_value()).put_signed(info.signal.value_or(info.code.value_or(0)));
        out_.flag(info.core);
        text(info.reason).text(info.cause);
        out_.put_signed(info.usage.user_time.count()).put_signed(info.usage.system_time.count());
        out_.put(info.usage.max_resident_bytes).put_signed(info.restarts);
        out_.list(info.error ? error_fields : 0);
        if (info.error)
            write(*info.error);
        out_.list(info.crash ? crash_fields : 0);
        if (info.crash)
            write(*info.crash);
        texts(info.last_lines);
    }

private:
    // What users' exceptions say may be anything.
    ending_writer& text(std::string_view t)
    {
        out_.bytes(std::as_bytes(std::span(t)));
        return *this;
    }
    ending_writer& texts(const std::vector<std::string>& all)
    {
        out_.list(all.size());
        for (const auto& each : all)
            text(each);
        return *this;
    }
    void write(const error_report& r)
    {
        text(r.type).text(r.text);
        out_.list(2 * r.causes.size());
        for (const auto& each : r.causes)
            text(each.type).text(each.text);
        texts(r.stack).text(r.stack_note);
        out_.put_signed(r.pid);
        text(r.process);
    }
    void write(const crash_report& r)
    {
        out_.put_signed(r.signal).put_signed(r.code).put(r.address);
        texts(r.stack);
    }

    body_writer out_;
};

class ending_reader {
public:
    explicit ending_reader(std::string_view bytes) : in_(std::as_bytes(std::span(bytes)), within_)
    {
    }

    std::optional<worker_ending> read()
    {
        worker_ending e;
        auto& info = e.info;
        in_.list(fields);
        e.sign.chunk = in_.number32();
        e.sign.item = in_.number32();
        const bool signalled = in_.flag();
        (signalled ? info.signal : info.code) = integer();
        info.core = in_.flag();
        info.reason = text();
        info.cause = text();
        info.usage.user_time = microseconds(in_.signed_number());
        info.usage.system_time = microseconds(in_.signed_number());
        info.usage.max_resident_bytes = in_.number();
        info.restarts = integer();
        if (one_of(error_fields))
            read(info.error.emplace());
        if (one_of(crash_fields))
            read(info.crash.emplace());
        texts(info.last_lines);
        if (in_.finish().failed())
            return std::nullopt;
        return e;
    }

private:
    std::string text()
    {
        const auto bytes = in_.bytes();
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    int integer()
    {
        const auto wide = in_.signed_number();
        if (!std::in_range<int>(wide))
            in_.fail(errc::malformed_frame);
        return static_cast<int>(wide);
    }
    void texts(std::vector<std::string>& out)
    {
        // Every one takes a byte at least, so there are not more than those.
        for (auto left = in_.list(); left != 0 && in_.good(); --left)
            out.push_back(text());
    }
    /// None, or so many fields.
    bool one_of(std::size_t count)
    {
        const auto there = in_.list();
        if (there != 0 && there != count)
            in_.fail(errc::malformed_frame);
        return in_.good() && there != 0;
    }
    void read(error_report& r)
    {
        r.type = text();
        r.text = text();
        std::vector<std::string> causes;
        texts(causes);
        if (causes.size() % 2 != 0)
            in_.fail(errc::malformed_frame);
        for (std::size_t i = 0; i + 1 < causes.size(); i += 2)
            r.causes.push_back({std::move(causes[i]), std::move(causes[i + 1])});
        texts(r.stack);
        r.stack_note = text();
        r.pid = integer();
        r.process = text();
    }
    void read(crash_report& r)
    {
        r.signal = integer();
        r.code = integer();
        r.address = in_.number();
        texts(r.stack);
    }

    const protocol::limits within_;
    body_reader in_;
};

} // namespace

std::string encode_ending(const worker_ending& ending)
{
    buffer out;
    ending_writer(out).write(ending);
    return {reinterpret_cast<const char*>(out.data()), out.size()};
}

std::optional<worker_ending> decode_ending(std::string_view bytes)
{
    return ending_reader(bytes).read();
}

} // namespace zproc::swarming
