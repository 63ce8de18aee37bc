#pragma once

#include "client/contention.hpp"
#include "client/fork_mark.hpp"
#include "client/heartbeat.hpp"
#include "client/inbox.hpp"
#include "client/multiplexer.hpp"
#include "descriptor.hpp"
#include "handler.hpp"
#include "protocol/address.hpp"
#include "protocol/client_handshake.hpp"
#include "protocol/frame.hpp"
#include "tls.hpp"

#include <zproc/error.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zproc::client {

namespace asio = boost::asio;

/// Says where the server is, starting it if need be; may answer at once or later, on the strand.
/// `text` is about the error.
using locator = std::function<void(
    std::function<void(error_code, const protocol::address&, std::string text)>)>;

/// What a client shows, and whom it believes.
struct credentials {
    std::string secret = {}; ///< both sides have to prove that they know it; empty: neither
    std::shared_ptr<const tls::terms> tls = {}; ///< over TCP; none: without
    std::string server_name = {}; ///< in the server's certificate; empty: the host of the address
};

/// The connection of a context to its state process: connects when something is asked, connects
/// again when it breaks, and resumes the session. Over TCP it tries every endpoint of the address,
/// and asks for a sign of life when it has heard nothing for long.
///
/// All functions but `enter`, `is_here` and `follow` are called on the strand; so are all callbacks. Reads,
/// timers and descriptors are armed only while a call is pending or somebody holds the connection
/// (`hold`): otherwise it is no work for the loop.
///
/// What is entered, or submitted, is written in the next *turn* on the strand. After an answer there
/// is one, too: only then everything is disarmed, if its handler asked for nothing.
///
///     idle → locating → connecting → greeting → ready → (broken) → pausing → connecting …
///
/// From every state `fail` leads back to idle, with everything pending completed.
///
/// A plain fork of this process has a copy of it, and shares its socket and the epoll set behind
/// it: the copy does nothing, and what belongs to the loop is never destroyed there.
class connection : public std::enable_shared_from_this<connection>,
                   private detail::strand_visit::follower {
public:
    struct settings {
        asio::any_io_executor io;
        asio::any_io_executor strand; ///< of that
        locator locate;
        std::string name; ///< of this process, for people
        std::chrono::nanoseconds request_timeout;
        credentials shown = {};
        std::chrono::nanoseconds reconnect_limit = std::chrono::seconds(5);
    };

    explicit connection(settings s);
    ~connection();

    /// Every time a session begins or goes on, before anything queued is written: what must be
    /// told to the server anew is submitted from within.
    std::function<void()> on_ready;
    /// There is no server to be had; what was pending has been completed with it.
    std::function<void(error_code)> on_failed;

    /// A turn is over: what is not wanted by now may be disarmed.
    std::function<void()> on_turned;
    /// What the server sends unasked, and the end of what was read together.
    std::function<void(const protocol::frame&)> on_pushed;
    std::function<void()> on_read;

    // From any thread. What is entered earlier happens earlier: a call in the next turn, anything
    // else at once where that can be. What is entered on the strand, by a predicate, waits for its
    // end.
    void enter(std::unique_ptr<call> what, std::shared_ptr<multiplexer::ticket> ticket);
    template <class F>
    void enter(F f)
    {
        struct task final : inbox::task {
            F f;

            explicit task(F&& g) : f(std::move(g)) {}
            void run() override { f(); }
        };
        enter_task(std::make_unique<task>(std::move(f)));
    }
    /// Something that may call a user's function, on the strand.
    class busy {
    public:
        busy() noexcept;
        ~busy();
        busy(const busy&) = delete;
        busy& operator=(const busy&) = delete;
    };

    multiplexer::ticket submit(std::unique_ptr<call> what);

    /// A request to take a call back, as per-operation cancellation says.
    void cancel(multiplexer::ticket t, bool terminal);

    /// Mutations that are not urgent are not written, until then or `let_go`.
    void hold_back(std::uint64_t turn, multiplexer::time until);
    void let_go(std::uint64_t turn);

    /// What atomic functions of the context have met.
    contention& met() noexcept { return met_; }

    /// The clock of all deadlines, in ns.
    static multiplexer::time now();

    /// Reads (and reconnects) as long as the count is above 0, also when no call is pending.
    void hold();
    void release();

    /// An attach begins at `offset` of what is being written, with a descriptor beside it or (-1)
    /// without. While its answer is handled, what has come with that is in `take_descriptors`.
    void attach_descriptor(int number, std::size_t offset);
    std::vector<descriptor> take_descriptors() { return std::move(of_reply_); }

    /// From any thread: false in a plain fork of the process that made it.
    bool is_here() const noexcept { return mark_->is_set(); }
    const std::shared_ptr<const fork_mark>& mark() const noexcept { return mark_; }

    /// What came unasked has an end, so who is patient may wait on for an answer behind it.
    void heard() noexcept { heard_ = true; }

    /// What came cannot be believed: everything pending fails with it, and the connection ends.
    void refuse(error_code ec) { fail(ec); }
    /// Nothing will answer any more (state_lost, supervisor_lost): everything fails with it.
    void condemn(error_code ec);
    const error_code& condemned() const noexcept { return condemned_; }
    /// The loop is being destroyed, or the context ends: drops everything uncalled.
    void shutdown();

    const protocol::server_hello& server() const noexcept { return server_; }
    /// The socket; empty before it was located, and over TCP.
    const std::string& path() const noexcept { return where_.path; }
    std::uint64_t session() const noexcept { return server_.session; }
    bool is_ready() const noexcept { return state_ == state::ready; }
    /// There will be a turn: who was answered, or woken, may ask for more until then.
    bool rests_in_turn() const noexcept { return rests_in_turn_; }

private:
    enum class state { idle, locating, connecting, greeting, ready, pausing };

    void start();
    void located(const protocol::address& where);
    void connect();
    void connect_to_endpoint();
    void not_connected(error_code failed);
    void greet();
    void limit_greeting();
    void welcome(const protocol::frame& first);
    void broken();
    void pause();
    void fail(error_code ec, std::string_view text = {});
    void close();
    void drop_loop_objects();

    multiplexer::ticket submit(std::unique_ptr<call> what, multiplexer::time limit);
    void enter_task(std::unique_ptr<inbox::task> other);
    void fetch(inbox::visit as);
    void begin(std::vector<inbox::entry> entered);
    void schedule_turn();
    void send_for_turn();
    void turn_of_calls();
    void turn_with(std::vector<inbox::entry> entered);
    std::vector<inbox::entry> take(inbox::visit as);
    void turn();
    void follow(bool at_once) override;
    void flush();
    bool has_ended() const;
    void send_some();
    bool seal();
    void arm_read();
    void has_read(error_code ec, std::size_t bytes);
    void received(std::size_t bytes);
    void received_sealed(std::size_t bytes);
    bool refused_plainly(protocol::bytes_view said);
    void not_agreed();
    std::size_t receive_with_descriptors(error_code& ec);
    bool handle_frames(bool& answered);
    bool handle(const protocol::frame& f);
    void expect_more();
    void arm_deadline();
    void be_patient();
    void ask_for_life();
    void watch_pulse();
    void wait_for_pulse();
    void look_what_arrived();
    struct heartbeat_call;
    void rest();
    bool wanted() const noexcept { return !calls_.empty() || holders_ > 0; }

    multiplexer::time deadline() const;

    settings settings_;
    std::shared_ptr<const fork_mark> mark_;
    inbox inbox_; ///< for any thread
    std::vector<inbox::entry> fetched_;
    bool in_turn_ = false;
    bool in_frames_ = false;     ///< those that a read has brought
    bool rests_in_turn_ = false; ///< there is one after an answer
    multiplexer calls_;
    contention met_;
    state state_ = state::idle;
    error_code condemned_;
    std::uint64_t life_ = 0; ///< counts sockets: a completion of an older one is ignored

    /// What belongs to the loop, and goes before it does.
    struct loop_objects {
        loop_objects(const asio::any_io_executor& io, const asio::any_io_executor& strand)
            : socket(io), deadline(strand), pause(strand), pulse(strand)
        {
        }
        /// What it completes comes to the loop, and visits the strand.
        asio::generic::stream_protocol::socket socket;
        asio::steady_timer deadline;
        asio::steady_timer pause;
        asio::steady_timer pulse;
    };
    std::unique_ptr<loop_objects> loop_;

    using endpoint = asio::generic::stream_protocol::endpoint;
    protocol::address where_;
    std::vector<endpoint> endpoints_; ///< in the order in which to try them
    std::size_t endpoint_ = 0;
    protocol::client_handshake handshake_;
    bool greeted_before_ = false;
    protocol::server_hello server_;
    multiplexer::time broken_since_ = 0;
    std::chrono::nanoseconds next_pause_{};
    std::minstd_rand jitter_;

    std::unique_ptr<tls::session> tls_; ///< of this socket
    protocol::buffer sealed_;           ///< being read into, with TLS
    bool sealed_before_ = false;        ///< something has come, of this socket

    protocol::buffer out_;
    std::size_t sent_ = 0;    ///< of what goes out: `out_`, or with TLS what was made of it
    std::uint64_t given_ = 0; ///< bytes that the system took, of this socket
    int descriptor_ = -1;     ///< to go with the byte at `descriptor_at_`
    std::size_t descriptor_at_ = 0;
    bool writing_ = false;

    protocol::frame_parser in_;
    std::span<std::byte> room_; ///< of in_, being read into
    bool reading_ = false;
    bool reading_plainly_ = false; ///< by a read that would drop descriptors
    unsigned expecting_descriptors_ = 0;
    std::vector<descriptor> received_;
    std::vector<descriptor> of_reply_; ///< of the reply being handled

    bool deadline_armed_ = false;
    unsigned holders_ = 0;
    heartbeat pulse_;
    bool pulse_watched_ = false;
    std::uint64_t ping_ends_at_ = 0; ///< of the bytes of this socket
    std::size_t ping_end_ = 0;       ///< in `out_`, where it was not counted yet; 0: it was
    bool heard_ = false;             ///< an answer, since a patient call was given more time
};

} // namespace zproc::client
