#pragma once

#include "protocol/frame.hpp"
#include "protocol/handshake.hpp"
#include "protocol/layout.hpp"
#include "protocol/messages.hpp"
#include "protocol/stream_messages.hpp"
#include "server/interests.hpp"
#include "server/session_table.hpp"
#include "server/turns.hpp"
#include "store/database.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace zproc::serving {

/// What all sessions of a server share.
struct hall {
    std::unique_ptr<store::database> data;
    interests who;
    session_table sessions;
    serving::turns turns;
    turns::time lease_clock = 0; ///< as of now; kept only while there are tickets

    protocol::server_hello about; ///< session, resumed: per connection
    std::string build_id;         ///< what `about.build_id` refers to
    std::uint64_t generation = 0;
    std::uint64_t ring_bytes = 0;
    std::function<std::uint64_t()> new_session_id;
    std::string secret; ///< empty: nobody is asked for it
    std::function<protocol::nonce()> fresh_nonce;
    std::function<void()> after_request; ///< each one: a turn may write more than a ring holds

    std::size_t waiting = 0;               ///< bytes of output, of all sessions
    std::size_t most_waiting = 256u << 20; ///< beyond it, what may bring much has to wait

    std::vector<seat> streams;   ///< connections that the journal is streamed to
    std::vector<seat> displaced; ///< connections whose session sits elsewhere now: to be closed
};

/// One connection: bytes in, bytes out. Pure; never trusts what comes in.
///
/// Nothing in `output()` may be sent before the database has published.
class session_fsm {
public:
    /// `remote`: neither descriptors nor who the peer is come with its bytes.
    session_fsm(hall& shared, seat where, bool remote = false);

    /// Room to read into, and what was read: bytes, and descriptors that came beside them.
    /// Handles every frame that is complete, unless too much output is waiting.
    std::span<std::byte> prepare();
    void received(std::size_t bytes, std::size_t descriptors, std::int64_t now);
    /// Goes on with frames that waited: for the output to shrink, or for somebody's turn to end.
    void resume(std::int64_t now);
    /// A ticket of this session has come to its turn.
    void turn_begins(const turns::ticket& which, std::int64_t now);

    /// Puts what is new in the journal in front of the replies of this turn, as far as limit and
    /// output allow: who has a reply has what it tells of. Called when everything is published.
    /// True when that was anything.
    bool stream();
    /// There is more to be streamed, and nothing to wait for but room in the output.
    bool streams_more() const;

    protocol::buffer& output() { return output_; }
    /// Some of it was written, and taken out.
    void output_written()
    {
        replies_ = output_.size();
        count_output();
    }
    /// Nothing more is read; close when the output is sent.
    bool closing() const { return closing_; }
    bool greeted() const { return greeted_; }
    /// It never got as far, by its own fault.
    bool turned_away() const { return closing_ && !greeted_ && !full_; }
    bool congested() const { return output_.size() >= high_water; }
    bool unhandled() const { return unhandled_; }
    /// The next frame may bring much, and waits until less output waits, of all sessions.
    bool starved() const { return starved_; }
    /// The next frame waits for somebody's turn to end, and all others for that frame.
    bool parked() const { return parked_; }
    /// Else what its client sends waits in the socket.
    bool takes_input() const { return !closing_ && !congested() && !unhandled_ && !parked_; }
    /// The session was resumed on another connection.
    bool displaced() const { return session_ != 0 && !shared_.sessions.sits(session_, where_); }

    /// An attach whose reply begins at `offset` of the output, and takes the three descriptors
    /// with it. The client's own eventfd, if it sent one, is the oldest descriptor received.
    struct attachment {
        std::size_t offset = 0;
        bool with_eventfd = false;
    };
    std::vector<attachment>& attachments() { return attachments_; }

    /// The connection is gone.
    void disconnected(std::int64_t now, std::int64_t wall);

    static constexpr std::size_t high_water = 1u << 20;
    static constexpr std::size_t read_size = 64u << 10;
    static constexpr std::size_t most_interests = 1u << 16; ///< keys by weight, whole namespaces
    /// What one read brings at most when it asks for a key more than once.
    static constexpr std::size_t largest_repetition = 64u << 20;
    // One read may bring many small frames: others have their turn after so much of it.
    static constexpr std::size_t most_frames = 256;
    static constexpr std::size_t most_written = 1u << 20; ///< bytes of the journal

private:
    std::size_t waiting_descriptors() const;
    void count_output();
    bool must_starve(const protocol::frame& f) const;
    void work(std::int64_t now);
    void work_some(std::int64_t now);
    // all of them: false when the connection is to be closed
    bool greet(const protocol::frame& f, std::int64_t now);
    bool challenge(const protocol::frame& f, const protocol::client_hello& hello);
    bool check_proof(const protocol::frame& f, std::int64_t now);
    bool welcome(std::uint32_t correlation, const protocol::client_hello& hello,
                 const protocol::transcript* seen, std::int64_t now);
    bool refuse(protocol::frame f, error_code ec, std::string_view text = {});
    bool take_session(const protocol::client_hello& hello, protocol::server_hello& welcome,
                      std::int64_t now);
    void dispatch(const protocol::frame& f, std::int64_t now);
    template <class Request>
    void exchange_lists(Request& request);
    template <class Request>
    void serve(const protocol::frame& f, std::int64_t now);

    // one per request; `answer` and `fail` write the reply
    void handle(const protocol::frame&, const protocol::ping_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::get_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::contains_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::size_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::keys_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::snapshot_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::read_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::who_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::namespaces_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::watch_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::unwatch_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::attach_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::turn_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::end_turn_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::stream_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::stream_more_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::set_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::erase_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::update_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::replace_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::clear_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::pop_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::pop_item_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::set_default_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::increment_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::append_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::compare_exchange_request&, std::int64_t);
    void handle(const protocol::frame&, const protocol::commit_request&, std::int64_t);

    protocol::stream_end journal_end() const;
    bool may_stream() const;
    void begin_stream(journal::position from, protocol::buffer& out);

    template <class Request>
    bool must_wait(const Request& request);
    void answer_turn();
    static protocol::frame reply_to(const turns::ticket& which);

    /// False when the reply is too large, and was refused instead.
    template <class Reply>
    bool answer(const protocol::frame& f, const Reply& reply);
    void answer(const protocol::frame& f, const store::outcome& done);
    void fail(const protocol::frame& f, error_code ec, std::string_view text = {});
    void conflict(const protocol::frame& f, const protocol::commit_request& m);
    store::author author_of(const protocol::mutation& by, std::int64_t now) const;

    hall& shared_;
    seat where_;
    bool remote_;
    protocol::frame_parser parser_;
    protocol::buffer output_;
    std::vector<attachment> attachments_;
    std::size_t descriptors_ = 0; // received and not yet taken
    /// Between a challenge and its answer.
    struct arrival {
        protocol::buffer hello; ///< the body
        protocol::transcript seen;
    };
    std::unique_ptr<arrival> arriving_;
    bool greeted_ = false;
    bool full_ = false;         ///< there was no room for it
    std::uint64_t session_ = 0; ///< 0 once greeted: an observer
    std::uint64_t passed_ = 0;  ///< of a resumed session: up to there it had its turn
    std::size_t counted_ = 0;   ///< of the output, in what all have waiting
    std::size_t replies_ = 0;   ///< with a stream: where in the output those of this turn begin
    struct streaming {
        std::uint64_t epoch = 0; ///< 0: it has not begun
        journal::position at = 0;
        std::uint64_t sent = 0;                              ///< bytes of records
        std::uint64_t limit = 0;                             ///< one record may go beyond it
        std::pair<std::uint64_t, journal::position> resumes; ///< epoch and position, where it can
    };
    std::optional<streaming> stream_;
    bool closing_ = false;
    bool unhandled_ = false;
    bool parked_ = false;
    bool starved_ = false;
    std::vector<turns::ticket> begun_; // turns that were not answered yet
    std::vector<std::string_view> touched_;
    std::vector<protocol::entry> entries_;
    std::vector<protocol::read_stamp> reads_;
    std::vector<protocol::write> writes_;
    std::vector<protocol::addition> added_;
    std::vector<store::key_value> changes_;
    std::vector<store::read_stamp> stamps_;
    std::vector<store::addition> additions_;
};

} // namespace zproc::serving
