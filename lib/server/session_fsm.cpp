#include "server/session_fsm.hpp"

#include "server/touched.hpp"

#include <algorithm>
#include <string>

namespace zproc::serving {

using namespace protocol;

session_fsm::session_fsm(hall& shared, seat where, bool remote)
    : shared_(shared), where_(where), remote_(remote), parser_(max_hello_bytes)
{
}

std::span<std::byte> session_fsm::prepare()
{
    return parser_.prepare(read_size);
}

void session_fsm::received(std::size_t bytes, std::size_t descriptors, std::int64_t now)
{
    parser_.commit(bytes);
    descriptors_ += descriptors;
    // Before anything is handled: beside a frame that never ends, or replies that are never read,
    // they would pile up.
    if (waiting_descriptors() > attach_descriptors)
        closing_ = true;
    work(now);
}

std::size_t session_fsm::waiting_descriptors() const
{
    const auto taken = std::ranges::count_if(attachments_, &attachment::with_eventfd);
    return descriptors_ + static_cast<std::size_t>(taken);
}

void session_fsm::resume(std::int64_t now)
{
    work(now);
}

void session_fsm::count_output()
{
    shared_.waiting += output_.size() - std::exchange(counted_, output_.size());
}

/// One connection holds no more than one large reply beyond its high water, but there are many.
bool session_fsm::must_starve(const frame& f) const
{
    if (shared_.waiting < shared_.most_waiting)
        return false;
    switch (f.code) {
    case operation::keys:
    case operation::snapshot:
    case operation::read:
    case operation::namespaces:
    case operation::commit: return true;
    default: return false;
    }
}

void session_fsm::work(std::int64_t now)
{
    work_some(now);
    count_output();
}

void session_fsm::work_some(std::int64_t now)
{
    unhandled_ = parked_ = starved_ = false;
    const auto begin = shared_.data->ring().written();
    std::size_t frames = 0;
    frame f;
    while (!closing_) {
        // A session that was resumed elsewhere has no more say here: what it sent and was not yet
        // applied, the other connection sends again.
        if (displaced()) {
            closing_ = true;
            return;
        }
        count_output();
        const bool enough =
            frames == most_frames || shared_.data->ring().written() - begin >= most_written;
        if (enough || congested()) {
            unhandled_ = parser_.buffered() != 0 || !begun_.empty();
            return;
        }
        ++frames;
        if (!begun_.empty()) {
            if (shared_.waiting >= shared_.most_waiting) {
                starved_ = unhandled_ = true; // its lease goes on
                return;
            }
            answer_turn();
            continue;
        }
        if (!greeted() && !arriving_) {
            if (const auto header = parser_.header()) {
                std::string text;
                if (const auto ec = check_first_header(*header, text); ec.failed()) {
                    f.code = operation::hello;
                    fail(f, ec, text);
                    closing_ = true;
                    return;
                }
            }
        }
        switch (parser_.next(f)) {
        case frame_parser::incomplete: return;
        case frame_parser::failed:
            fail(f, parser_.error(),
                 "this server takes frames of up to " +
                     std::to_string(shared_.about.limits.request_bytes) + " bytes");
            closing_ = true;
            return;
        case frame_parser::found:
            if (must_starve(f)) {
                starved_ = unhandled_ = true;
                return parser_.put_back();
            }
            if (greeted())
                dispatch(f, now);
            else if (!greet(f, now))
                closing_ = true;
            if (parked_)
                return parser_.put_back();
            if (shared_.after_request)
                shared_.after_request();
            break;
        }
    }
}

void session_fsm::disconnected(std::int64_t now, std::int64_t wall)
{
    shared_.who.remove_all(where_);
    shared_.turns.leave(where_);
    std::erase(shared_.streams, where_);
    if (session_ != 0 && shared_.sessions.sits(session_, where_)) {
        shared_.sessions.leave(session_, where_, now);
        // Where there is no room for it, a successor lets it stay for longer.
        static_cast<void>(shared_.data->mark_session(session_, wall, wall));
    }
    closing_ = true;
    shared_.waiting -= std::exchange(counted_, 0);
}

/// The lists of a message, and back: so that there is no allocation for each.
template <class Request>
void session_fsm::exchange_lists(Request& request)
{
    const auto exchange = [](auto& of_message, auto& kept) {
        constexpr std::size_t most = 1024;
        of_message.clear();
        if (of_message.capacity() <= most)
            of_message.swap(kept);
    };
    if constexpr (requires { request.entries; })
        exchange(request.entries, entries_);
    if constexpr (requires { request.reads; })
        exchange(request.reads, reads_);
    if constexpr (requires { request.writes; })
        exchange(request.writes, writes_);
    if constexpr (requires { request.additions; })
        exchange(request.additions, added_);
}

template <class Request>
void session_fsm::serve(const frame& f, std::int64_t now)
{
    Request request;
    exchange_lists(request);
    if constexpr (requires { request.code = f.code; })
        request.code = f.code;
    if (const auto ec = decode(f.body, request, shared_.about.limits); ec.failed()) {
        fail(f, ec);
        // What is no message at all was not written by a client of ours.
        closing_ = ec == make_error_code(errc::malformed_frame);
        return;
    }
    if constexpr (requires { request.by; })
        if (shared_.turns.held() && must_wait(request))
            return;
    handle(f, request, now);
    exchange_lists(request);
}

template <class Request>
bool session_fsm::must_wait(const Request& request)
{
    const auto what = touched_by(request, touched_);
    parked_ =
        shared_.turns
            .obstacle(where_, request.name_space, what.keys, what.everything, shared_.lease_clock)
            .has_value();
    if (parked_)
        shared_.turns.park(where_, request.name_space);
    return parked_;
}

void session_fsm::dispatch(const frame& f, std::int64_t now)
{
    if (f.status != 0) {
        fail(f, errc::malformed_frame, "a request has status 0");
        closing_ = true;
        return;
    }
    if (session_ == 0 && (is_mutation(f.code) || f.code == operation::turn))
        return fail(f, errc::unknown_operation,
                    "an observer has no session, and changes nothing: greet without that to write");
    switch (f.code) {
    case operation::ping: return serve<ping_request>(f, now);
    case operation::get: return serve<get_request>(f, now);
    case operation::contains: return serve<contains_request>(f, now);
    case operation::size: return serve<size_request>(f, now);
    case operation::keys: return serve<keys_request>(f, now);
    case operation::snapshot: return serve<snapshot_request>(f, now);
    case operation::read: return serve<read_request>(f, now);
    case operation::who: return serve<who_request>(f, now);
    case operation::namespaces: return serve<namespaces_request>(f, now);
    case operation::watch: return serve<watch_request>(f, now);
    case operation::unwatch: return serve<unwatch_request>(f, now);
    case operation::attach: return serve<attach_request>(f, now);
    case operation::turn: return serve<turn_request>(f, now);
    case operation::end_turn: return serve<end_turn_request>(f, now);
    case operation::stream: return serve<stream_request>(f, now);
    case operation::stream_more: return serve<stream_more_request>(f, now);
    case operation::set: return serve<set_request>(f, now);
    case operation::erase: return serve<erase_request>(f, now);
    case operation::update: return serve<update_request>(f, now);
    case operation::replace: return serve<replace_request>(f, now);
    case operation::clear: return serve<clear_request>(f, now);
    case operation::pop: return serve<pop_request>(f, now);
    case operation::pop_item: return serve<pop_item_request>(f, now);
    case operation::set_default: return serve<set_default_request>(f, now);
    case operation::increment:
    case operation::decrement: return serve<increment_request>(f, now);
    case operation::append: return serve<append_request>(f, now);
    case operation::compare_exchange: return serve<compare_exchange_request>(f, now);
    case operation::commit: return serve<commit_request>(f, now);
    case operation::hello:
    case operation::challenge:
    case operation::proof:
    case operation::stream_begun:
    case operation::stream_piece: break;
    }
    fail(f, errc::unknown_operation,
         "operation " + std::to_string(static_cast<unsigned>(f.code)) +
             " is none that this server knows here");
}

void session_fsm::fail(const frame& f, error_code ec, std::string_view text)
{
    write_error(output_, f.correlation, f.code, ec, text);
}

} // namespace zproc::serving
