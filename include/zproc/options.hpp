#pragma once

#include <zproc/isolation.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace zproc {

/// Where in a namespace's history a watcher begins: after a revision, after a point in time, or
/// (default) at the present. Converts from any integer and any system time.
class starting_point {
public:
    using time_type = std::chrono::sys_time<std::chrono::nanoseconds>;

    constexpr starting_point() noexcept = default;

    template <std::integral Integer>
    constexpr starting_point(Integer revision) noexcept
        : revision_(static_cast<std::uint64_t>(revision)), kind_(kind::revision)
    {
    }

    template <class Duration>
    constexpr starting_point(std::chrono::sys_time<Duration> time) noexcept
        : time_(std::chrono::time_point_cast<std::chrono::nanoseconds>(time)), kind_(kind::time)
    {
    }

    constexpr bool is_now() const noexcept { return kind_ == kind::now; }
    constexpr bool is_time() const noexcept { return kind_ == kind::time; }

    /// The revision after which to begin; 0 unless made from an integer.
    constexpr std::uint64_t revision() const noexcept { return revision_; }

    /// The time after which to begin; the epoch unless made from a time.
    constexpr time_type time() const noexcept { return time_; }

private:
    enum class kind : std::uint8_t { now, revision, time };

    std::uint64_t revision_ = 0;
    time_type time_{};
    kind kind_ = kind::now;
};

/// What a watcher does when the ring has lapped it.
enum class gap {
    resync, ///< yield one `resync` event, then everything that is still retained
    fail,   ///< fail with `errc::journal_overrun`
};

/// How a watcher sees its events. Trivially copyable, so that `{.since = 0}` is safe inside a
/// `co_await` under every compiler.
struct watch_options {
    /// Yield exactly the events after this point. Default: those after the watcher was made.
    starting_point since = {};
    /// End the stream after so many events. Default: never.
    std::optional<std::uint64_t> count = {};
    /// How long one `next()` may wait before it fails with `asio::error::timed_out`.
    std::optional<std::chrono::nanoseconds> timeout = {};
    /// See only what happens after each `next()` begins, instead of everything in between.
    bool live = false;
    /// `when_change(keys…)`: every key *but* these.
    bool exclude = false;
    /// See the changes made through the same handle, too.
    bool own = false;
    /// See writes of an equal value, too.
    bool identical = false;
    /// Conditions: do not test the present; yield only when false becomes true.
    bool edge = false;
    /// Conditions: yield when it has been true for so long without a break, once each time; the
    /// event is the one that made it true. History counts by the times of its changes, the present
    /// from when the watcher was made.
    std::optional<std::chrono::nanoseconds> held_for = {};
    /// What to do when the ring has lapped this watcher.
    gap on_gap = gap::resync;
};
static_assert(std::is_trivially_copyable_v<watch_options> && std::is_aggregate_v<watch_options>);

/// When what is written to a data directory has to be on the disk. A crash of processes loses
/// nothing in any case; this is about power cuts and crashes of the machine.
enum class fsync_policy : std::uint8_t {
    never,    ///< when the system likes, and at a clean end
    interval, ///< once a second: a power cut may lose the last second of what was acknowledged
    commit,   ///< before anybody sees a change or gets its reply: nothing is lost
};

/// What a change survives once it is acknowledged.
enum class durability_level : std::uint8_t {
    none,    ///< not the death of its process: a server embedded in another program
    process, ///< the death of the state process by any means; with a data directory, of all others
    disk,    ///< power cuts and crashes of the machine, too
};

/// What a server takes of its clients. What is beyond is refused with an error of its own, and
/// nothing is changed.
struct server_limits {
    std::size_t value_bytes = std::size_t{1} << 20;   ///< of one value: `errc::too_large`
    std::size_t request_bytes = std::size_t{2} << 20; ///< of one request: `errc::frame_too_large`
    std::size_t key_bytes = 4096;                     ///< of one key: `errc::too_large`
    std::size_t depth =
        64; ///< of lists and dicts in each other, 64 at most: `errc::value_too_deep`
    std::size_t connections = 4096;                   ///< at once: `errc::too_busy`
    std::size_t journal_bytes = std::size_t{1} << 30; ///< of the ring: `errc::too_large`
    /// How long a client may be away and still go on where it was, with the replies that it has not
    /// got: `errc::outcome_unknown`.
    std::chrono::nanoseconds session_expiry = std::chrono::minutes(2);

    /// Replies that clients have not read yet, of all together. A client with a mebibyte of them is
    /// not read from; beyond the whole, reads that may bring much wait until others have read.
    std::size_t waiting_bytes = std::size_t{256} << 20;
    /// A client that takes none of its replies for so long is left.
    std::chrono::nanoseconds read_within = std::chrono::seconds(30);

    /// Of who connects over TCP: how many may be about to show who they are; the oldest of the
    /// largest crowd makes room for the next: `errc::too_busy`.
    std::size_t strangers = 128;
    /// How long they may take for it, before they are left. Clients of this library give up after
    /// five seconds themselves.
    std::chrono::nanoseconds handshake_within = std::chrono::seconds(5);
    /// How often that may fail from one address before it has to wait: `errc::peer_throttled`.
    unsigned failed_handshakes = 10;
};

/// TLS 1.3 over TCP: what is said can be neither read nor changed on its way, and certificates show
/// who is there. Certificates and keys are files in PEM, read when a context is made that has an
/// address of TCP; Unix sockets do without.
struct tls_options {
    /// Of this side, and then of those who have signed it. A server needs one.
    std::string certificate = {};
    /// The private key of the certificate, without a password; only this user may be able to read
    /// the file.
    std::string key = {};
    /// Whose signatures are trusted. A client without it trusts whom the system does; a server with
    /// it admits only clients that have a certificate, and needs no secret then.
    std::string authorities = {};
    /// Of a client: what the server's certificate has to be for. Default: the host of its address.
    std::string server_name = {};

    bool operator==(const tls_options&) const = default;
};

/// How a context finds or starts its state process, and how patient it is.
class context_options {
public:
    /// Of a running server: `unix://PATH`, `tcp://HOST:PORT` or `tcp://[IPV6]:PORT`. Default: start
    /// one that lives as long as this program, or, in a spawned process, use the one of the program
    /// that spawned it.
    ///
    /// The name of a host is looked up by the system, on the loop, which waits as long as that
    /// takes; a numeric address costs nothing.
    context_options& address(std::string value)
    {
        address_ = std::move(value);
        return *this;
    }

    /// With an address: start the server there, for other programs of this user to join. It lives
    /// as long as this program. `errc::address_in_use` where one serves already; a socket that
    /// nobody serves any more is replaced.
    context_options& start_server(bool value = true)
    {
        start_server_ = value;
        return *this;
    }

    /// The server that this context starts listens there, too; any number of times. Port 0 is one
    /// that is free; `context::addresses` says which. Over TCP beyond this machine it needs a
    /// secret, or TLS with authorities. Without an address of its own, the context uses its server
    /// by a private socket.
    context_options& listen(std::string value)
    {
        listens_.push_back(std::move(value));
        return *this;
    }

    /// The secret that client and server have in common: 16 to 1024 bytes. A client with one
    /// trusts only a server that proves that it knows it; a server with one admits over TCP only
    /// clients that do. What follows on the connection is neither encrypted nor signed, but with
    /// `tls`.
    context_options& secret(std::string value)
    {
        secret_ = std::move(value);
        return *this;
    }

    /// A file with the secret, which only this user may be able to read; read when the context is
    /// made. Line ends behind it do not count. `errc::bad_secret` where it cannot be used.
    context_options& secret_file(std::string path)
    {
        secret_file_ = std::move(path);
        return *this;
    }

    /// Speaks TLS over TCP, as a server and as a client, and nothing else: `errc::bad_certificate`
    /// where a file cannot be used, `errc::tls_failed` where the two do not agree. Default: no TLS.
    context_options& tls(tls_options value)
    {
        tls_ = std::move(value);
        return *this;
    }

    /// The namespace that `context::state()` opens. Default: "default".
    context_options& default_namespace(std::string value)
    {
        default_namespace_ = std::move(value);
        return *this;
    }

    /// How long processes may take to end when asked to, before they are killed. Default 500 ms.
    context_options& grace(std::chrono::nanoseconds value)
    {
        grace_ = value;
        return *this;
    }

    /// How long a request may take, reconnections included. Default 30 s.
    context_options& request_timeout(std::chrono::nanoseconds value)
    {
        request_timeout_ = value;
        return *this;
    }

    /// The isolation that the supervisor is to be made with; every call through the context fails
    /// with `errc::isolation_unavailable` where it was not. Default: as well as is possible.
    context_options& isolation(isolation_level value)
    {
        isolation_ = value;
        return *this;
    }

    /// Bytes of the journal ring a started state process begins with; it grows with what is
    /// alive in it. Default 4 MiB.
    context_options& journal_size(std::size_t value)
    {
        journal_size_ = value;
        return *this;
    }

    /// Keeps the state of a server of its own in that directory, which is made if it is not there,
    /// and begins with what is in it. Errors of whatever is asked for first: `errc::data_in_use`
    /// where another server has it, `data_damaged`, `disk_full`, those of the system. Without
    /// effect on a context that attaches to a server.
    context_options& data(std::string directory)
    {
        data_ = std::move(directory);
        return *this;
    }

    /// When what is written there has to be on the disk. Default: before it is acknowledged.
    context_options& fsync(fsync_policy value)
    {
        fsync_ = value;
        return *this;
    }

    /// Where the data directory is damaged, go on with what is whole before the damage, instead of
    /// failing with `errc::data_damaged`. Damaged files are kept, under other names. Default: no.
    context_options& salvage(bool value = true)
    {
        salvage_ = value;
        return *this;
    }

    /// What the server that this context starts takes of its clients.
    context_options& limits(const server_limits& value)
    {
        limits_ = value;
        return *this;
    }

    /// How long a state process that this context starts looks for the next request before it sleeps,
    /// where requests have followed each other that closely: it answers sooner then, and keeps a
    /// core busy meanwhile. Zero: never. Default 150 µs; a second at most.
    context_options& busy_poll(std::chrono::nanoseconds at_most)
    {
        busy_poll_ = at_most;
        return *this;
    }

    const std::string& address() const noexcept { return address_; }
    const server_limits& limits() const noexcept { return limits_; }
    const std::vector<std::string>& listens() const noexcept { return listens_; }
    const std::string& secret() const noexcept { return secret_; }
    const std::string& secret_file() const noexcept { return secret_file_; }
    const std::optional<tls_options>& tls() const noexcept { return tls_; }
    /// Whether the context has a server of its own.
    bool starts_server() const noexcept { return start_server_ || address_.empty(); }
    const std::string& default_namespace() const noexcept { return default_namespace_; }
    std::chrono::nanoseconds grace() const noexcept { return grace_; }
    std::chrono::nanoseconds request_timeout() const noexcept { return request_timeout_; }
    std::size_t journal_size() const noexcept { return journal_size_; }
    std::optional<isolation_level> isolation() const noexcept { return isolation_; }
    const std::string& data() const noexcept { return data_; }
    fsync_policy fsync() const noexcept { return fsync_; }
    bool salvages() const noexcept { return salvage_; }
    std::chrono::nanoseconds busy_poll() const noexcept { return busy_poll_; }

private:
    std::string address_;
    server_limits limits_;
    std::vector<std::string> listens_;
    std::string secret_;
    std::string secret_file_;
    std::optional<tls_options> tls_;
    bool start_server_ = false;
    std::string default_namespace_ = "default";
    std::chrono::nanoseconds grace_ = std::chrono::milliseconds(500);
    std::chrono::nanoseconds request_timeout_ = std::chrono::seconds(30);
    std::optional<isolation_level> isolation_;
    std::size_t journal_size_ = std::size_t{4} << 20;
    std::string data_;
    fsync_policy fsync_ = fsync_policy::commit;
    bool salvage_ = false;
    std::chrono::nanoseconds busy_poll_ = std::chrono::microseconds(150);
};

} // namespace zproc
