#pragma once

#include "client/connection.hpp"
#include "descriptor.hpp"
#include "engine/host.hpp"
#include "protocol/address.hpp"
#include "supervisor/link.hpp"
#include "tls.hpp"

#include <zproc/context.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::detail {

/// What the supervisor counts in; a part of one is a whole one.
inline std::chrono::milliseconds whole_milliseconds(std::chrono::nanoseconds time)
{
    return std::chrono::ceil<std::chrono::milliseconds>(std::max(time, {}));
}

struct command_plan;

/// A process to be: what it runs, and what it is given.
struct launching {
    spawn_options options;
    call what;
    std::shared_ptr<watch_plan> plan; ///< of a process that is called on events
    std::string default_namespace;
    std::shared_ptr<const command_plan> program; ///< instead of a function
    /// Descriptors that a function is handed: `invocation::handed`. Closed here when they are sent.
    std::shared_ptr<std::vector<descriptor>> handed;
};

/// What the copies of a context share: the engine, and, at the first need, a link to the
/// supervisor and a state process of its own.
///
///     asks for an address ─► own_server: none → started → (gave up: condemned)
///     spawn ─► watchers registered ─► server has an address ─► channel, link.start
///
/// Everything but the accessors happens on the engine's strand.
class context_core final : public process_control,
                           public std::enable_shared_from_this<context_core> {
public:
    static std::shared_ptr<context_core> make(asio::any_io_executor io, context_options options);
    context_core(asio::any_io_executor io, context_options options);
    ~context_core() override;

    // From any thread.
    asio::any_io_executor get_executor() const;
    bool is_loop_gone() const noexcept { return loop_gone_; }
    const context_options& options() const noexcept { return options_; }
    const std::shared_ptr<zproc::engine::host>& engine() const noexcept { return engine_; }
    std::uint32_t next_handle() noexcept { return ++handles_; }
    std::string address() const;
    std::vector<std::string> addresses() const;
    void spawn(launching l, std::unique_ptr<pending_spawn> p);
    void wait(handler<void(error_code)> done);
    void shutdown(std::chrono::nanoseconds grace, handler<void(error_code)> done);

    // process_control, from any thread
    std::shared_ptr<void> listen() override;
    void stop(std::uint64_t child, std::optional<std::chrono::nanoseconds> grace) override;

    error_code link(std::uint64_t one, std::uint64_t other);

    /// What this context shows at, or as, the door of a swarm, which is one of TCP whatever its own
    /// address is. Errors, with a text: bad_secret, bad_certificate.
    error_code show(tls::role side, std::string& secret, tls::identity& identity,
                    std::shared_ptr<const tls::terms>& terms, std::string& text) const;

    void loop_gone();

private:
    using located = std::function<void(error_code, const protocol::address&, std::string text)>;

    /// One spawn under way. Cancelled before it is launched, it never is; after that a terminal
    /// cancellation stops what has started.
    struct spawning {
        std::unique_ptr<pending_spawn> pending; ///< until it has completed
        bool launched = false;
    };

    void locate(const located& then);
    error_code start_server(std::string& text);
    error_code read_certificates();
    error_code open_doors(std::vector<descriptor>& listeners, std::string& text);
    /// For spawns of functions the supervisor has to be a fork of this program.
    error_code open_link(bool functions = false);
    void server_notice(const supervision::notice& n);
    void begin_plan(launching l, const std::shared_ptr<spawning>& s);
    void launch_after_watchers(launching l, const std::shared_ptr<spawning>& s);
    void launch(launching l, const std::shared_ptr<spawning>& s);
    void cancel(spawning& s, bool terminal);
    void cancel(std::uint64_t ending);
    void child_notice(const std::shared_ptr<process_core>& process, supervision::notice& n);
    void start_ended();
    void gone(std::uint64_t child);
    void proceed();
    void end(bool and_server, std::uint64_t id, handler<void(error_code)> done);
    std::uint64_t cancellable_ending(const handler<void(error_code)>& done);

    asio::any_io_executor io_;
    context_options options_;
    std::shared_ptr<zproc::engine::host> engine_;
    error_code prepared_;
    client::credentials shown_; ///< of a client; of a server of its own the secret only
    tls::identity identity_;
    error_code shown_failure_;
    std::string shown_text_;
    std::atomic<std::uint32_t> handles_ = 0;
    std::atomic<bool> loop_gone_ = false;

    mutable std::mutex mutex_;               ///< of what other threads ask for
    std::optional<protocol::address> where_; ///< that this context connects to
    std::vector<protocol::address> served_;  ///< by its own server: first what was asked for
    std::shared_ptr<supervision::link> link_;
    std::vector<std::weak_ptr<process_core>> processes_;

    // On the strand.
    enum class own_server { none, running, gone };
    own_server server_ = own_server::none;
    errc why_gone_{};
    errc why_ended_ = errc::state_lost; ///< as the state process itself has said
    supervision::child_id server_child_ = 0;
    std::map<supervision::child_id, std::weak_ptr<process_core>> children_;
    unsigned starting_ = 0;
    struct ending {
        std::uint64_t id;
        handler<void(error_code)> done;
        bool and_server;
        supervision::link::interest interest;
        std::shared_ptr<context_core> context; ///< lives until it has completed
    };
    std::vector<ending> endings_;
    std::atomic<std::uint64_t> ending_ids_ = 0;
    std::chrono::milliseconds ending_grace_{};
    bool stopping_server_ = false;
};

} // namespace zproc::detail
