#pragma once

#include "descriptor.hpp"
#include "swarm/door_handshake.hpp"
#include "swarm/wire.hpp"
#include "swarm/worker_ending.hpp"
#include "tls.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

namespace zproc::swarming {

namespace asio = boost::asio;

/// Where a swarm listens, and whom it lets in.
struct door_plan {
    descriptor listener;
    std::string address;
    std::string secret; ///< empty: nobody has to know any
    std::string build;
    std::shared_ptr<const tls::terms> tls; ///< none: without
    std::chrono::seconds silence{30};
    std::string name; ///< of workers
};

/// Where the workers of other machines come in: who comes shows who it is, in time; connections of
/// hosts stay, those of workers are handed to the swarm.
///
///     accepted ─► guest ─► host ─► dismissed, or lost
///                   └────► worker: the swarm's
///
/// Everything on the strand. It waits for its sockets from `open` to `close`.
class door : public std::enable_shared_from_this<door> {
public:
    using host_id = std::uint32_t;
    using worker_number = std::uint64_t; ///< each host counts its own

    /// What the swarm is told. Called from within the loop, never from a function of the door.
    struct events {
        std::function<void(host_id, worker_number, std::unique_ptr<wire>)> worker_came;
        std::function<void(host_id, worker_number, worker_ending)> worker_ended;
        std::function<void(host_id)> host_lost; ///< with all its workers
    };

    door(const asio::any_io_executor& strand, door_plan plan);
    ~door();

    const std::string& address() const noexcept { return plan_.address; }
    std::chrono::seconds silence() const noexcept { return plan_.silence; }

    void open(events told);
    void kill(host_id host, worker_number worker);
    /// The worker should leave what it does of that job.
    void abandon(host_id host, worker_number worker, std::uint32_t job);
    /// Lets nobody in any more; hosts start no workers, and with `now` end those they have.
    void dismiss(bool now);
    /// It does not do what it has to: of this host nothing more is heard.
    void forget(host_id host);
    /// Dismisses all hosts at once, and waits for nothing more.
    void close();
    /// In a plain fork: what belongs to the loop is not destroyed there.
    void leak() noexcept;

    static constexpr std::size_t most_guests = 128;
    static constexpr std::chrono::seconds guest_limit{5};

private:
    struct peer;
    struct guest;
    struct host;

    void listen();
    void accept();
    void rest();
    void leave(std::uint64_t guest);
    void enter(descriptor socket);
    void hear(const std::shared_ptr<guest>& who);
    bool speaks_plainly(guest& who);
    void turn_away(guest& who, const error_code& ec, std::string_view text);
    void arrive(const std::shared_ptr<guest>& who, std::string answer);
    void arrive_host(const std::shared_ptr<guest>& who, std::string answer);
    void arrive_worker(const std::shared_ptr<guest>& who, std::string answer);
    void hear(const std::shared_ptr<host>& from);
    bool handle(host& from, const frame& f);
    void lose(host_id which);
    void tell(host& to, const frame& f);
    template <class Peer>
    void watch(const std::shared_ptr<Peer>& who);

    asio::any_io_executor strand_;
    door_plan plan_;
    std::unique_ptr<asio::posix::stream_descriptor> listener_;
    std::unique_ptr<asio::steady_timer> pause_; ///< when there were no descriptors left
    events told_;
    std::map<std::uint64_t, std::shared_ptr<guest>> guests_; ///< as they came
    std::map<host_id, std::shared_ptr<host>> hosts_;
    std::uint64_t last_guest_ = 0;
    host_id last_host_ = 0;
    bool open_ = false;
    bool full_ = false; ///< who comes waits outside
};

} // namespace zproc::swarming
