#include "client/mirror.hpp"

#include "protocol/control_page.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/eventfd.h>

namespace zproc::client {

namespace {

error_code last_error()
{
    return {errno, boost::system::system_category()};
}

/// Another limit. Lost with its connection, it is said anew in the next one.
struct limit_call final : call {
    std::uint64_t limit;

    explicit limit_call(std::uint64_t l) : call(false), limit(l) {}

    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        protocol::write_request(out, correlation, protocol::stream_more_request{limit});
    }
    void done(error_code, protocol::bytes_view) override {}
};

} // namespace

struct mirror::sync_call final : call {
    std::weak_ptr<mirror> owner;
    std::function<void(error_code, attachment)> then;
    std::uint64_t id;

    sync_call(std::weak_ptr<mirror> m, std::function<void(error_code, attachment)> t,
              std::uint64_t i)
        : call(false), owner(std::move(m)), then(std::move(t)), id(i)
    {
    }

    /// The answer comes behind what fills a ring.
    bool is_patient() const noexcept override { return true; }

    void write(protocol::buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        if (const auto self = owner.lock())
            self->write_sync(out, correlation);
        else
            protocol::write_request(out, correlation, protocol::stream_more_request{});
    }

    void done(error_code ec, protocol::bytes_view body) override
    {
        const auto self = owner.lock();
        protocol::stream_end end;
        if (!self)
            ec = errc::context_gone;
        if (!ec)
            ec = protocol::decode(body, end);
        if (ec)
            return then(ec, {});
        self->when_reached(
            end,
            [weak = owner, then = std::move(then)](error_code failed) {
                const auto alive = weak.lock();
                then(failed, failed || !alive ? attachment() : alive->give());
            },
            id);
    }
};

mirror::mirror(const asio::any_io_executor& strand, std::shared_ptr<connection> server,
               std::shared_ptr<ring_shelf> shelf, std::chrono::nanoseconds patience)
    : server_(std::move(server)),
      shelf_(std::move(shelf)),
      patience_(patience),
      mark_(server_->mark()),
      timer_(std::make_unique<asio::steady_timer>(strand))
{
}

mirror::~mirror()
{
    forget_instance();
    drop_timer();
}

/// In a plain fork it would be taken out of the loop of the original.
void mirror::drop_timer()
{
    if (mark_->is_set())
        timer_.reset();
    else
        static_cast<void>(timer_.release());
}

/// Its readers learn that nothing will come any more; not those of the process that this one is a
/// plain fork of, whose page it is, too.
void mirror::forget_instance()
{
    if (page_ && mark_->is_set())
        protocol::announce_end(page_.memory.bytes());
    page_ = {};
    current_.reset();
    next_.reset();
}

std::unique_ptr<call> mirror::sync(std::function<void(error_code, attachment)> then,
                                   std::uint64_t id)
{
    return std::make_unique<sync_call>(weak_from_this(), std::move(then), id);
}

void mirror::write_sync(protocol::buffer& out, std::uint32_t correlation)
{
    if (std::exchange(streaming_, true))
        return protocol::write_request(out, correlation, protocol::stream_more_request{});
    asked_ = true;
    received_ = 0;
    protocol::stream_request request;
    request.limit = limit_ = current_ && !next_ ? narrow : wide;
    if (const auto& last = next_ ? next_ : current_) {
        request.epoch = last->records->header().epoch;
        request.from = last->records->head();
    }
    protocol::write_request(out, correlation, request);
}

// The connection --------------------------------------------------------------------------------

void mirror::on_ready()
{
    streaming_ = false;
    if (std::exchange(instance_, server_->server().instance) != server_->server().instance) {
        // Another state, or the first one: what was of the past is not its.
        forget_instance();
        release_waiting(errc::state_lost);
    }
    if (asked_)
        server_->submit(sync([](error_code, const attachment&) {}));
}

void mirror::on_failed(error_code ec)
{
    release_waiting(ec);
}

void mirror::shutdown()
{
    const auto dropped = std::exchange(waiting_, {});
    forget_instance();
    drop_timer();
    server_.reset();
}

/// What came is not to be believed: the connection ends, and whoever waits is told.
void mirror::fail(error_code ec)
{
    streaming_ = false;
    next_.reset();
    server_->refuse(ec);
}

void mirror::on_pushed(const protocol::frame& f)
{
    if (!streaming_)
        return; // of a stream that this connection no longer has
    error_code ec;
    if (f.code == protocol::operation::stream_begun) {
        protocol::stream_begun m;
        ec = protocol::decode(f.body, m);
        if (!ec)
            return begin(m);
    } else {
        protocol::stream_piece m;
        ec = protocol::decode(f.body, m);
        if (!ec)
            return add(m);
    }
    fail(ec);
}

/// Whoever reads is woken once for all that came together.
void mirror::on_read()
{
    if (std::exchange(news_, false)) {
        signal_eventfd(wake_.get());
        pass();
    }
    if (server_ && streaming_)
        say_limit(false);
}

/// When half of what was permitted has come; at once when a ring is to be filled, or is.
void mirror::say_limit(bool anyway)
{
    const auto window = next_ ? wide : narrow;
    if (!anyway && received_ + window / 2 < limit_)
        return;
    limit_ = received_ + window;
    server_->submit(std::make_unique<limit_call>(limit_));
}

// Rings -----------------------------------------------------------------------------------------

void mirror::begin(const protocol::stream_begun& m)
{
    const auto goes_on = [&m](const std::unique_ptr<copy>& c) {
        return c && m.epoch == c->records->header().epoch && m.from == c->records->head();
    };
    if (goes_on(next_))
        return;
    next_.reset();
    if (goes_on(current_))
        return;
    journal::ring_header header;
    header.instance = server_->server().instance;
    header.epoch = m.epoch;
    header.capacity = m.capacity;
    header.commit = m.commit;
    header.moved = {m.previous_epoch, m.moved_tail, m.moved_wrap, m.moved_pad, m.moved_head};
    if (m.capacity % 8 != 0 || m.capacity < journal::smallest_capacity || m.from % 8 != 0 ||
        m.capacity > protocol::max_ring_bytes || m.head < m.from)
        return fail(errc::malformed_frame);
    auto made = std::make_unique<copy>();
    made->file = make_sealed_file("zproc-mirror", journal::region_size(m.capacity), false);
    if (!made->file)
        return fail(last_error());
    made->records.emplace(made->file.memory.bytes(), header, m.from);
    const auto now = connection::now();
    if (unfilled_since_ == 0)
        unfilled_since_ = now;
    else if (now - unfilled_since_ > patience_.count()) {
        unfilled_since_ = 0;
        return fail(errc::journal_overrun);
    }
    next_ = std::move(made);
    goal_ = m.head;
    if (goal_ == m.from)
        announce();
    else
        say_limit(true);
}

void mirror::add(const protocol::stream_piece& m)
{
    auto& into = next_ ? next_ : current_;
    if (!into || !into->records->append({m.at, m.end, m.records}))
        return fail(errc::malformed_frame);
    received_ += m.records.size();
    if (next_)
        server_->heard();
    if (next_ && next_->records->head() >= goal_)
        announce();
    news_ = true;
}

/// The control page of this process, for as long as it is the same state.
bool mirror::make_page()
{
    if (!page_) {
        page_ = zproc::make_page("zproc-mirror-control", protocol::control_page_bytes);
        if (!page_)
            return false;
        protocol::format_control_page(page_.memory.bytes(), instance_);
        generation_ = 0;
    }
    if (!wake_)
        wake_ = above_standard(descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)));
    return static_cast<bool>(wake_);
}

void mirror::announce()
{
    if (!make_page())
        return fail(last_error());
    next_->readable = ring::open(next_->file.file.duplicate());
    if (!next_->readable)
        return fail(errc::state_lost);
    shelf_->put(next_->readable);
    current_ = std::move(next_);
    unfilled_since_ = 0;
    protocol::announce(page_.memory.bytes(), current_->records->header().epoch, ++generation_);
    news_ = true;
    say_limit(true); // a narrow one from now on
}

mirror::attachment mirror::give() const
{
    attachment given;
    given.generation = generation_;
    given.descriptors.push_back(current_->file.file.duplicate());
    given.descriptors.push_back(reopen_readable(page_.file.get()));
    given.descriptors.push_back(wake_.duplicate());
    return given;
}

// Who waits -------------------------------------------------------------------------------------

bool mirror::has_reached(const protocol::stream_end& place) const
{
    if (!current_)
        return false;
    const auto epoch = current_->records->header().epoch;
    return epoch > place.epoch || (epoch == place.epoch && current_->records->head() >= place.head);
}

void mirror::when_reached(const protocol::stream_end& place, std::function<void(error_code)> then,
                          std::uint64_t id)
{
    if (has_reached(place))
        return then({});
    if (waiting_.empty())
        server_->hold(); // it comes while nothing is asked
    waiting_.push_back({place, std::move(then), id});
    watch_progress();
}

void mirror::cancel(std::uint64_t id)
{
    const auto found = std::ranges::find(waiting_, id, &waiting::id);
    if (found == waiting_.end())
        return;
    const auto then = std::move(found->then);
    waiting_.erase(found);
    if (waiting_.empty())
        let_go();
    then(asio::error::operation_aborted);
}

/// Nobody waits for what does not come.
void mirror::watch_progress()
{
    if (timing_ || waiting_.empty())
        return;
    timing_ = true;
    progress_ = received_;
    using clock = asio::steady_timer::clock_type;
    timer_->expires_at(clock::now() +
                       std::min<clock::duration>(patience_, std::chrono::hours(24 * 365)));
    timer_->async_wait([weak = weak_from_this()](error_code ec) {
        const auto self = weak.lock();
        if (!self)
            return;
        self->timing_ = false;
        if (!ec && self->received_ == self->progress_)
            self->release_waiting(asio::error::timed_out);
        else
            self->watch_progress();
    });
}

/// Nobody waits any more.
void mirror::let_go()
{
    server_->release();
    timer_->cancel();
}

void mirror::pass()
{
    std::vector<std::function<void(error_code)>> due;
    std::erase_if(waiting_, [&](waiting& each) {
        const bool reached = has_reached(each.place);
        if (reached)
            due.push_back(std::move(each.then));
        return reached;
    });
    if (!due.empty() && waiting_.empty())
        let_go();
    for (auto& then : due)
        then({});
}

void mirror::release_waiting(error_code ec)
{
    const auto all = std::exchange(waiting_, {});
    if (!all.empty())
        let_go();
    for (const auto& each : all)
        each.then(ec);
}

} // namespace zproc::client
