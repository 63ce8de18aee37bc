#include "context/task_record.hpp"

#include "supervisor/call_message.hpp"

#include <zproc/error.hpp>
#include <zproc/exit_info.hpp>
#include <zproc/remote_error.hpp>

#include <boost/system/system_category.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

namespace zproc::detail {

namespace {

bytes to_bytes(std::string_view text)
{
    const auto* const first = reinterpret_cast<const std::byte*>(text.data());
    return {first, first + text.size()};
}

std::string to_text(const bytes& data)
{
    return {reinterpret_cast<const char*>(data.data()), data.size()};
}

value encode_exit(const exit_info& info)
{
    dict out;
    out["code"] = info.code;
    out["signal"] = info.signal;
    out["core"] = info.core;
    out["reason"] = info.reason;
    out["cause"] = info.cause;
    out["user"] = std::int64_t{info.usage.user_time.count()};
    out["system"] = std::int64_t{info.usage.system_time.count()};
    out["resident"] = static_cast<std::int64_t>(info.usage.max_resident_bytes);
    out["lines"] = info.last_lines;
    if (info.error)
        out["error"] = to_bytes(supervision::encode(*info.error));
    if (info.crash) {
        dict crash;
        crash["signal"] = info.crash->signal;
        crash["code"] = info.crash->code;
        crash["address"] = std::to_string(info.crash->address); // of 64 bits, without a sign
        crash["stack"] = info.crash->stack;
        out["crash"] = std::move(crash);
    }
    return out;
}

exit_info decode_exit(const value& in)
{
    exit_info info;
    info.code = in["code"].get<std::optional<int>>();
    info.signal = in["signal"].get<std::optional<int>>();
    info.core = in["core"].get<bool>();
    info.reason = in["reason"].get<std::string>();
    info.cause = in["cause"].get<std::string>();
    info.usage.user_time = std::chrono::microseconds(in["user"].get<std::int64_t>());
    info.usage.system_time = std::chrono::microseconds(in["system"].get<std::int64_t>());
    info.usage.max_resident_bytes = static_cast<std::uint64_t>(in["resident"].get<std::int64_t>());
    info.last_lines = in["lines"].get<std::vector<std::string>>();
    if (!in["error"].is_null())
        info.error = supervision::decode_error(to_text(in["error"].get<bytes>()));
    if (const auto& crash = in["crash"]; !crash.is_null()) {
        auto& made = info.crash.emplace();
        made.signal = crash["signal"].get<int>();
        made.code = crash["code"].get<int>();
        made.address = std::stoull(crash["address"].get<std::string>());
        made.stack = crash["stack"].get<std::vector<std::string>>();
    }
    return info;
}

/// Of the process in "process 'name' reason": the exceptions do not say it otherwise.
std::string name_in(std::string_view what, const std::string& reason)
{
    constexpr std::string_view before = "process '";
    const auto end = what.rfind("' " + reason);
    if (!what.starts_with(before) || end == what.npos || end < before.size())
        return {};
    return std::string(what.substr(before.size(), end - before.size()));
}

template <class Error>
value encode_end(const char* kind, const Error& e)
{
    dict out;
    out["kind"] = kind;
    out["name"] = name_in(e.what(), e.info().reason);
    out["exit"] = encode_exit(e.info());
    return out;
}

/// Without the code, which is told anew.
std::string own_text(const system_error& e)
{
    const std::string what = e.what();
    const auto end = what.rfind(": " + e.code().what());
    return end == what.npos ? std::string() : what.substr(0, end);
}

value encode_code(const system_error& e)
{
    dict out;
    out["kind"] = "system";
    out["ours"] = e.code().category() == error_category();
    out["code"] = e.code().value();
    out["text"] = own_text(e);
    return out;
}

value encode_text(const std::string& text)
{
    dict out;
    out["kind"] = "text";
    out["text"] = text;
    return out;
}

std::exception_ptr decode_code(const value& from)
{
    const auto number = from["code"].get<int>();
    const auto text = from["text"].get<std::string>();
    const auto code = from["ours"].get<bool>()
                          ? make_error_code(static_cast<errc>(number))
                          : error_code(number, boost::system::system_category());
    return std::make_exception_ptr(text.empty() ? system_error(code) : system_error(code, text));
}

} // namespace

value encode_failure(const std::exception_ptr& error)
{
    try {
        std::rethrow_exception(error);
    } catch (const remote_error& e) {
        dict out;
        out["kind"] = "remote";
        out["report"] = to_bytes(supervision::encode(e.report()));
        return out;
    } catch (const process_crashed& e) {
        return encode_end("crashed", e);
    } catch (const process_exited& e) {
        return encode_end("exited", e);
    } catch (const system_error& e) {
        if (e.code().category() == error_category() ||
            e.code().category() == boost::system::system_category())
            return encode_code(e);
        return encode_text(e.what());
    } catch (const std::exception& e) {
        return encode_text(e.what());
    } catch (...) {
        return encode_text("an exception that is no std::exception");
    }
}

std::exception_ptr decode_failure(const value& from)
{
    const auto kind = from["kind"].get<std::string>();
    if (kind == "remote") {
        if (auto report = supervision::decode_error(to_text(from["report"].get<bytes>())))
            return std::make_exception_ptr(remote_error(std::move(*report)));
    } else if (kind == "crashed") {
        return std::make_exception_ptr(
            process_crashed(from["name"].get<std::string>(), decode_exit(from["exit"])));
    } else if (kind == "exited") {
        return std::make_exception_ptr(
            process_exited(from["name"].get<std::string>(), decode_exit(from["exit"])));
    } else if (kind == "system") {
        return decode_code(from);
    } else if (kind == "text") {
        return std::make_exception_ptr(std::runtime_error(from["text"].get<std::string>()));
    }
    return std::make_exception_ptr(system_error(errc::malformed_value));
}

value to_value(const task_record& record)
{
    dict out;
    out["status"] = record.pending ? "pending" : record.error ? "failed" : "done";
    out["type"] = record.type;
    if (record.pending) {
        out["owner"] = record.owner.name();
        return out;
    }
    out["expires"] = record.expires;
    if (record.error)
        out["error"] = encode_failure(record.error);
    else
        out["result"] = to_bytes(record.result);
    return out;
}

std::optional<task_record> to_record(const value& from)
try {
    task_record made;
    const auto status = from["status"].get<std::string>();
    made.type = from["type"].get<std::string>();
    made.pending = status == "pending";
    if (made.pending) {
        const auto owner = origin::parse(from["owner"].get<std::string>());
        if (!owner)
            return std::nullopt;
        made.owner = *owner;
        return made;
    }
    made.expires = from["expires"].get<std::int64_t>();
    if (status == "failed")
        made.error = decode_failure(from["error"]);
    else if (status == "done")
        made.result = to_text(from["result"].get<bytes>());
    else
        return std::nullopt;
    return made;
} catch (const std::exception&) { // whoever may write to the state may have written nonsense
    return std::nullopt;
}

} // namespace zproc::detail
