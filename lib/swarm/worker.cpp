#include "swarm/worker.hpp"

#include "supervisor/call_message.hpp"
#include "supervisor/function_ref.hpp"
#include "swarm/chunk_work.hpp"
#include "swarm/dial.hpp"
#include "tcp.hpp"

#include <zproc/detail/packing.hpp>
#include <zproc/detail/swarm_job.hpp>
#include <zproc/exit_info.hpp>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <poll.h>
#include <unistd.h>

// The worker's side of a swarm: see doc/swarm.md.

namespace zproc::swarming {

namespace {

/// Address, secret, build, name of the owner in its certificate, and what is shown to it; host,
/// token, and number of the worker there.
using door_arguments =
    std::tuple<std::string, std::string, std::string, std::string, bool, std::string, std::string,
               std::string, std::uint32_t, std::string, std::uint64_t>;

dial_plan read_door(std::string_view packed)
{
    const auto [address, secret, build, server_name, with_tls, certificate, key, authorities, host,
                token, number] = detail::unpack<door_arguments>(packed);
    dial_plan plan;
    std::string text;
    error_code ec = protocol::parse_address(address, protocol::side::client, plan.where, text);
    if (!ec && with_tls)
        plan.tls = tls::terms::make(tls::role::client, {certificate, key, authorities}, ec, text);
    if (ec)
        throw system_error(ec, text);
    plan.secret = secret;
    plan.build = build;
    plan.server_name = server_name;
    plan.role = door_role::worker;
    plan.host = host;
    std::memcpy(plan.token.data(), token.data(), std::min(token.size(), plan.token.size()));
    plan.worker = number;
    return plan;
}

/// A worker process.
class worker {
public:
    worker(detail::invocation& process, const asio::any_io_executor& io)
        : bench_{process, {}, {}, {}, {}, 0, 0}, io_(io), idle_(io)
    {
    }

    void begin();
    /// Goes to the door of a swarm. False when it is not wanted there any more.
    asio::awaitable<bool> begin_elsewhere();
    asio::awaitable<void> serve();

private:
    void take_page(int file);
    void prepare(std::string_view plan);
    void initialise(const std::string& how);
    void finalise();
    void run_stateful(const supervision::call_message& message);
    void handle(const frame& f);
    void define(const frame& f);
    void proceed();
    void ended(const std::shared_ptr<chunk_work>& work, const std::exception_ptr& error);
    void send();
    asio::awaitable<void> serve_frames();

    workbench bench_;
    asio::any_io_executor io_;
    std::string finaliser_;
    std::map<std::uint32_t, std::shared_ptr<known_job>> jobs_;
    block_table blocks_;
    std::deque<std::shared_ptr<chunk_work>> queue_;
    std::shared_ptr<chunk_work> running_; ///< a coroutine
    asio::cancellation_signal cancel_;
    bool leaving_ = false;
    std::exception_ptr fatal_;
    asio::steady_timer idle_; ///< cancelled when a coroutine has come to its end
};

// The worker ------------------------------------------------------------------------------------

void worker::begin()
{
    const auto handed = bench_.process.handed();
    if (handed.size() != 2)
        throw std::logic_error("zproc: a worker was not given its wire");
    bench_.socket = std::make_unique<wire>(io_, descriptor(handed[0]));
    take_page(handed[1]);
    prepare(bench_.process.arguments());
}

asio::awaitable<bool> worker::begin_elsewhere()
{
    const auto handed = bench_.process.handed();
    if (handed.size() != 1)
        throw std::logic_error("zproc: a worker was not given its page");
    take_page(handed[0]);
    const auto plan = read_door(bench_.process.arguments());
    bool wanted = true;
    try {
        auto got = co_await dial(plan);
        bench_.socket = std::move(got.link);
        const auto silence = std::chrono::ceil<std::chrono::seconds>(
            std::chrono::milliseconds(got.welcome.silence_ms));
        tcp::set_patient_options(bench_.socket->socket().native_handle(), silence);
    } catch (const system_error& e) {
        // Its host was there a moment ago, and sees by itself what has become of the owner.
        if (e.code() == errc::server_absent || e.code() == errc::connection_lost)
            throw process_exit{EXIT_FAILURE};
        if (e.code() != errc::swarm_stopped)
            throw;
        wanted = false;
    }
    co_return wanted;
}

void worker::take_page(int file)
{
    bench_.page = control_page(open_page(descriptor(file)));
    if (!bench_.page)
        throw system_error(errno, boost::system::system_category(), "a worker's control page");
}

/// What is initialised is finalised.
void worker::prepare(std::string_view plan)
{
    auto [first, last] = detail::unpack<std::tuple<std::string, std::string>>(plan);
    initialise(first);
    finaliser_ = std::move(last);
}

void worker::run_stateful(const supervision::call_message& message)
{
    error_code ec;
    const auto function = supervision::resolve(message.function, ec);
    if (ec)
        throw system_error(ec);
    own_invocation<detail::state_invocation> made(bench_.process, message, function.target);
    made.state = bench_.state;
    function.stub(made);
    bench_.state = made.state;
}

void worker::initialise(const std::string& how)
{
    if (!how.empty())
        if (const auto message = supervision::decode_call(how))
            run_stateful(*message);
    frame f;
    f.kind = frame_kind::ready;
    bench_.socket->put(f);
    send();
}

void worker::finalise()
{
    if (finaliser_.empty())
        return;
    if (const auto message = supervision::decode_call(finaliser_))
        run_stateful(*message);
    finaliser_.clear();
}

/// Waits until it is sent: a worker has nothing else to do, and its owner always reads what it
/// wants. Where the owner is gone the next read says so.
void worker::send()
{
    while (bench_.socket->flush() == wire::outcome::later) {
        pollfd room{bench_.socket->socket().native_handle(), POLLOUT, 0};
        ::poll(&room, 1, 1000);
    }
}

void worker::define(const frame& f)
{
    auto made = std::make_shared<known_job>();
    if (auto message = supervision::decode_call(f.body)) {
        made->message = std::move(*message);
        error_code ec;
        made->function = supervision::resolve(made->message.function, ec);
        if (ec)
            made->failure = std::make_exception_ptr(system_error(ec));
    } else {
        made->failure = std::make_exception_ptr(system_error(errc::not_serializable));
    }
    jobs_.insert_or_assign(f.job, std::move(made));
}

void worker::handle(const frame& f)
{
    switch (f.kind) {
    case frame_kind::block:
        blocks_.add(f.blob.block, f.blob.length, bench_.socket->take_descriptor());
        break;
    case frame_kind::forget: blocks_.forget(f.blob.block); break;
    case frame_kind::job: define(f); break;
    case frame_kind::end_job:
        // What is queued of it is still answered, at its first item.
        jobs_.erase(f.job);
        if (running_ && running_->job_number() == f.job)
            cancel_.emit(asio::cancellation_type::terminal);
        break;
    case frame_kind::task: {
        const auto job = jobs_.find(f.job);
        if (job == jobs_.end())
            throw std::logic_error("zproc: a worker was given an unknown job");
        bench_.taken = f.number;
        const auto items = f.blob.block != 0
                               ? blocks_.view(f.blob.block, f.blob.offset, f.blob.length)
                               : std::string_view();
        auto own = f.blob.block != 0
                       ? std::string()
                       : std::string(f.body.substr(0, static_cast<std::size_t>(f.blob.length)));
        queue_.push_back(
            std::make_shared<chunk_work>(bench_, job->second, f, items, std::move(own)));
        break;
    }
    case frame_kind::leave: leaving_ = true; break;
    case frame_kind::prepare: prepare(f.body); break;
    default: throw std::logic_error("zproc: a worker was told what is not its to hear");
    }
}

void worker::ended(const std::shared_ptr<chunk_work>& work, const std::exception_ptr& error)
{
    work->send(error);
    send();
}

/// Works until there is nothing to do, or a coroutine is under way.
void worker::proceed()
{
    while (!running_ && !queue_.empty() && !fatal_) {
        const auto work = std::move(queue_.front());
        queue_.pop_front();
        std::optional<asio::awaitable<void>> body;
        try {
            body = work->run();
        } catch (const process_exit&) {
            throw;
        } catch (...) {
            ended(work, std::current_exception());
            continue;
        }
        if (!body) {
            ended(work, nullptr);
            continue;
        }
        running_ = work;
        asio::co_spawn(io_, std::move(*body),
                       asio::bind_cancellation_slot(cancel_.slot(),
                                                    [this, work](const std::exception_ptr& error) {
                                                        running_.reset();
                                                        idle_.cancel();
                                                        try {
                                                            if (error)
                                                                std::rethrow_exception(error);
                                                            ended(work, nullptr);
                                                            proceed();
                                                        } catch (...) {
                                                            fatal_ = std::current_exception();
                                                        }
                                                        if (fatal_ || leaving_)
                                                            bench_.socket->socket().cancel();
                                                    }));
    }
}

asio::awaitable<void> worker::serve_frames()
{
    for (;;) {
        while (auto f = bench_.socket->next())
            handle(*f);
        if (bench_.socket->is_broken())
            throw system_error(errc::malformed_frame);
        proceed();
        if (fatal_)
            std::rethrow_exception(fatal_);
        if (leaving_ && !running_ && queue_.empty())
            co_return;
        const auto got = bench_.socket->fill();
        if (got == wire::outcome::closed)
            co_return;
        if (got == wire::outcome::later) {
            co_await bench_.socket->socket().async_wait(asio::posix::stream_descriptor::wait_read,
                                                        asio::as_tuple(asio::use_awaitable));
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none)
                throw system_error(asio::error::operation_aborted);
        }
    }
}

asio::awaitable<void> worker::serve()
{
    co_await asio::this_coro::throw_if_cancelled(false);
    std::exception_ptr error;
    try {
        co_await serve_frames();
    } catch (...) {
        error = std::current_exception();
    }
    if (running_) {
        cancel_.emit(asio::cancellation_type::terminal);
        co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
        while (running_) {
            idle_.expires_at(asio::steady_timer::time_point::max());
            co_await idle_.async_wait(asio::as_tuple(asio::use_awaitable));
        }
    }
    if (!fatal_)
        finalise();
    if (error)
        std::rethrow_exception(error);
}

asio::awaitable<std::string> become_worker(detail::invocation& process)
{
    worker own(process, co_await asio::this_coro::executor);
    own.begin();
    co_await own.serve();
    co_return std::string();
}

asio::awaitable<std::string> become_remote_worker(detail::invocation& process)
{
    worker own(process, co_await asio::this_coro::executor);
    const bool wanted = co_await own.begin_elsewhere();
    if (wanted)
        co_await own.serve();
    co_return std::string();
}

void worker_entry(detail::invocation& process)
{
    process.launch(become_worker(process));
}

void remote_worker_entry(detail::invocation& process)
{
    process.launch(become_remote_worker(process));
}

[[maybe_unused]] const detail::stub_registration registered(&worker_entry);
[[maybe_unused]] const detail::stub_registration registered_elsewhere(&remote_worker_entry);

} // namespace

std::string encode_job(const detail::call& work)
{
    supervision::call_message message;
    message.function = work.function;
    message.arguments = work.arguments;
    message.name = work.name;
    return supervision::encode(message);
}

std::string encode_plan(const worker_plan& plan)
{
    const auto bytes = [](const std::optional<detail::call>& each) {
        return each ? encode_job(*each) : std::string();
    };
    const auto both = std::make_tuple(bytes(plan.initialiser), bytes(plan.finaliser));
    return detail::pack(both);
}

detail::call worker_call(const worker_plan& plan)
{
    detail::call made;
    made.name = "zproc::swarm worker";
    made.function = detail::refer(&worker_entry, 0, made.failure);
    for (const auto* each : {&plan.initialiser, &plan.finaliser})
        if (*each && (*each)->failure && !made.failure)
            made.failure = (*each)->failure;
    made.arguments = encode_plan(plan);
    return made;
}

detail::call remote_worker_call(const dial_plan& door, const tls::identity& shown)
{
    detail::call made;
    made.name = "zproc::swarm worker";
    made.function = detail::refer(&remote_worker_entry, 0, made.failure);
    const door_arguments all(
        protocol::to_string(door.where), door.secret, door.build, door.server_name,
        door.tls != nullptr, shown.certificate, shown.key, shown.authorities, door.host,
        std::string(reinterpret_cast<const char*>(door.token.data()), door.token.size()),
        door.worker);
    made.arguments = detail::pack(all);
    return made;
}

} // namespace zproc::swarming
