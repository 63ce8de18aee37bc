#include "unit/simulation/client.hpp"

#include "value/msgpack.hpp"

#include <stdexcept>
#include <utility>

namespace simulation {

using namespace zproc;

namespace {

/// A mutation that is done when it is answered.
struct increment_call final : zproc::client::call {
    std::string key;
    buffer one;
    std::function<void()> answered;

    increment_call(std::string k, std::function<void()> f)
        : call(true), key(std::move(k)), answered(std::move(f))
    {
        msgpack::writer(one).write_int(1);
    }
    void write(buffer& out, std::uint32_t correlation, const protocol::mutation& by) override
    {
        protocol::write_request(
            out, correlation,
            protocol::increment_request{protocol::operation::increment, by, "n", key, one});
    }
    void done(error_code ec, protocol::bytes_view) override
    {
        if (ec)
            throw std::runtime_error("an increment failed: " + ec.message());
        answered();
    }
};

struct end_turn_call final : zproc::client::call {
    std::uint64_t ticket;

    explicit end_turn_call(std::uint64_t t) : call(false), ticket(t) {}

    bool is_urgent() const noexcept override { return true; }
    void write(buffer& out, std::uint32_t correlation, const protocol::mutation&) override
    {
        protocol::write_request(out, correlation, protocol::end_turn_request{ticket});
    }
    void done(error_code, protocol::bytes_view) override {}
};

} // namespace

// ---- the connection ----------------------------------------------------------------------------

client::client(world& w, server& s, ns shortest_way, ns longest_way)
    : world_(w), server_(s), shortest_way_(shortest_way), longest_way_(longest_way)
{
    connect();
}

void client::connect()
{
    greeted_ = false;
    in_ = std::make_unique<protocol::frame_parser>(protocol::max_reply_bytes);
    seat_ = server_.connect([this, life = ++life_](const buffer& bytes) {
        last_received_ =
            std::max(last_received_, world_.now() + world_.between(shortest_way_, longest_way_));
        world_.at(last_received_, [this, life, bytes] {
            if (life == life_ && alive_)
                receive(bytes);
        });
    });
    protocol::client_hello hello;
    hello.session = session_;
    hello.acknowledged = calls_.acknowledged();
    buffer out;
    protocol::write_hello(out, 0, hello);
    send(out);
}

void client::send(const buffer& bytes)
{
    last_sent_ = std::max(last_sent_, world_.now() + world_.between(shortest_way_, longest_way_));
    world_.at(last_sent_, [this, who = seat_, bytes] { server_.arrive(who, bytes); });
}

void client::receive(const buffer& bytes)
{
    const auto room = in_->prepare(bytes.size());
    std::copy(bytes.begin(), bytes.end(), room.begin());
    in_->commit(bytes.size());
    protocol::frame f;
    for (const auto life = life_; life == life_ && in_->next(f) == protocol::frame_parser::found;) {
        if (!greeted_) {
            protocol::server_hello welcome;
            std::string text;
            if (protocol::read_welcome(f, welcome, text).failed() ||
                welcome.resumed != (session_ != 0))
                throw std::runtime_error("the session was not resumed");
            session_ = welcome.session;
            greeted_ = true;
        } else if (auto what = calls_.reply(f.correlation)) {
            what->done(f.error(), f.body);
        }
    }
    flush();
}

void client::submit(std::unique_ptr<zproc::client::call> what)
{
    calls_.add(what, std::numeric_limits<ns>::max());
    flush();
}

/// Once for all that is asked at the same time.
void client::flush()
{
    if (flushing_ || !calls_.anything_to_write())
        return;
    flushing_ = true;
    world_.after(0, [this] {
        flushing_ = false;
        if (!alive_ || !greeted_)
            return;
        buffer out;
        if (!calls_.write(out, 2u << 20, world_.now()).empty())
            throw std::runtime_error("a request is too large");
        if (!out.empty())
            send(out);
    });
}

void client::increment(const std::string& key, std::function<void(ns)> done)
{
    submit(std::make_unique<increment_call>(
        key, [this, done = std::move(done), began = world_.now()] { done(world_.now() - began); }));
}

void client::hold_back(std::uint64_t turn, ns until)
{
    calls_.hold_back(turn, until);
    world_.at(until, [this] { flush(); });
}

void client::let_go(std::uint64_t turn)
{
    calls_.let_go(turn);
    flush();
}

void client::kill()
{
    alive_ = false;
    world_.after(0, [this, who = seat_] { server_.disconnect(who); });
}

void client::reconnect()
{
    if (!alive_ || !greeted_)
        return;
    ++life_;
    greeted_ = false;
    calls_.disconnected();
    if (world_.one_in(2))
        world_.after(0, [this, who = seat_] { server_.disconnect(who); });
    world_.after(world_.between(0, ms), [this] { connect(); });
}

// ---- an atomic function ------------------------------------------------------------------------

struct atomic::request final : zproc::client::call {
    std::shared_ptr<atomic> owner;
    bool urgent;

    request(std::shared_ptr<atomic> a, bool u)
        : call(a->machine_.asks_commit()), owner(std::move(a)), urgent(u)
    {
    }
    bool is_urgent() const noexcept override { return urgent; }
    void write(buffer& out, std::uint32_t correlation, const protocol::mutation& by) override
    {
        owner->machine_.write(out, correlation, by);
    }
    void done(error_code ec, protocol::bytes_view body) override { owner->answered(ec, body); }
};

atomic::atomic(client& c, std::string name_space, function f, std::function<ns()> think,
               completion done)
    : client_(c),
      name_space_(name_space),
      machine_(std::move(name_space), 1, c.new_tickets()),
      f_(std::move(f)),
      think_(std::move(think)),
      done_(std::move(done)),
      started_(c.clock().now())
{
}

std::shared_ptr<atomic> atomic::start(client& c, std::string name_space, function f,
                                      std::function<ns()> think, completion done)
{
    auto made = std::make_shared<atomic>(c, std::move(name_space), std::move(f), std::move(think),
                                         std::move(done));
    made->run();
    return made;
}

void atomic::run()
{
    client_.clock().after(think_(), [self = shared_from_this()] {
        if (!self->client_.alive())
            return;
        draft d(self->machine_.source());
        try {
            self->f_(d);
        } catch (const detail::draft_restart&) {
        }
        self->go_on(self->machine_.ran(d, false));
    });
}

void atomic::go_on(action what)
{
    switch (what) {
    case action::run: return run();
    case action::finish: return finish();
    case action::ask:
        if (machine_.asks_first() && client_.met.expected(name_space_, f_.target_type()))
            machine_.begin_with_turn();
        client_.submit(std::make_unique<request>(
            shared_from_this(), turn_ != 0 && client_.clock().now() < machine_.turn_until()));
    }
}

void atomic::answered(error_code ec, std::span<const std::byte> body)
{
    const auto next = machine_.answered(ec, body, client_.clock().now());
    client_.met.learn(name_space_, f_.target_type(), machine_.lesson(), machine_.took());
    if (turn_ != machine_.turn()) {
        client_.let_go(turn_);
        turn_ = machine_.turn();
        if (turn_ != 0) {
            client_.hold_back(turn_, machine_.turn_until());
            if (on_turn)
                on_turn();
        }
    }
    if (client_.alive())
        go_on(next);
}

void atomic::finish()
{
    if (machine_.ticket() != 0)
        client_.submit(std::make_unique<end_turn_call>(machine_.ticket()));
    done_(machine_.error(), client_.clock().now() - started_);
}

} // namespace simulation
