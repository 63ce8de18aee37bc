#pragma once

#include "descriptor.hpp"
#include "supervisor/entry.hpp"
#include "supervisor/messages.hpp"

#include <zproc/detail/handler.hpp>
#include <zproc/error.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace zproc::supervision {

namespace asio = boost::asio;

class exchange;
class link_body;

/// What to spawn. The descriptors stay the caller's and may be closed after start().
struct spawn_request {
    entry run = nullptr;
    std::string name;
    std::string payload;
    std::vector<int> descriptors;
    std::array<int, 3> standard{0, 1, 2}; ///< the child's 0 to 2; closed ones are /dev/null
    std::chrono::milliseconds grace{500}; ///< between SIGTERM and SIGKILL for its subtree
    bool service = false;                 ///< outlives all else that its owner owns
    restart_rules restart{};

    /// Set where the child's differ from what the supervisor was forked with.
    std::optional<std::vector<std::string>> environment; ///< all of it, as "NAME=value"
    std::optional<std::string> directory;
    std::optional<unsigned> file_mask; ///< umask
    std::vector<std::uint64_t> limits; ///< resource, soft, hard

    std::optional<std::vector<std::string>> command; ///< a program instead of `run`
    bool linked = false;                             ///< with this process
};

struct started_child {
    child_id id = 0;
    pid_t pid = -1;
    descriptor pidfd;
};

/// What the supervisor tells the owner of a child, in this order: any number of `progress`,
/// `exited` once, `gone` once; or `lost` at any time, and then nothing more.
struct notice {
    enum class kind {
        progress, ///< how far it has come; not every step is told to who reads rarely
        exited,   ///< exit; attempt = number of runs
        gone,     ///< nothing of its subtree is left
        lost,     ///< the supervisor is lost: everything is being stopped, no status will come
    };
    kind what = kind::lost;
    child_id child = 0;
    exit_report exit{}; ///< of the last run that ended
    unsigned attempt = 1;
    pid_t pid = -1;
    message::progress::phase phase{};
    std::string cause;                  ///< of an exit: of the stop that nobody asked for
    std::chrono::milliseconds delay{0}; ///< of a backoff
    descriptor pidfd;                   ///< of a new run
    descriptor channel;                 ///< to a new run of a function
    bool leaving = false;               ///< gone, because the supervisor is leaving
};

using notice_handler = std::function<void(notice)>;

/// This process's end of the supervisor, as one loop uses it. Any number of links, on any loops,
/// share the one control socket: whoever is awake reads, and each is told what is its own.
///
/// Object lifetimes: dropping the last handle stops no child; handlers and notices not yet
/// delivered are dropped uncalled, as they are when the loop is destroyed first.
/// Thread safety: all functions may be called from any thread. Notices are posted to the executor
/// given to make(): give it a strand, and they never overlap.
class link : public std::enable_shared_from_this<link> {
public:
    /// Errors: `errc::supervisor_failed` before prepare(), `errc::wrong_process`,
    /// `errc::supervisor_lost`.
    static std::shared_ptr<link> make(asio::any_io_executor executor, error_code& ec);

    ~link();

    /// Spawns. `done` is called once, after that `told` for each notice of that child. Both are
    /// dropped uncalled when the link was shut down or its loop destroyed.
    /// Errors: `errc::unknown_function` (no permitted entry), `errc::too_large` (the message does
    /// not fit), `errc::wrong_process`, `errc::supervisor_lost`, `asio::error::timed_out` (no
    /// answer in 10 s; should the child start after all, it is stopped); those of fork and of the
    /// descriptors (EAGAIN, ENOMEM, EBADF, EMFILE) as they are.
    void start(const spawn_request& request, notice_handler told,
               detail::handler<void(error_code, started_child)> done);

    /// Ends the child with its whole subtree: SIGTERM, after `grace` SIGKILL. `exited` and `gone`
    /// follow as notices. Does not wait. Harmless after the end. A child may stop what it owns.
    /// Errors of the next three, too: `errc::context_gone`, `errc::wrong_process`,
    /// `errc::supervisor_lost` (none while what it has left is still ending).
    error_code stop(child_id child, std::chrono::milliseconds grace);

    /// Sends a signal to that child alone, if it still runs.
    error_code signal(child_id child, int number);

    /// From now on the failure of one stops the other.
    error_code link_together(child_id one, child_id other);

    /// In the root: asks the supervisor to stop everything and to leave; `lost` notices follow.
    error_code leave(std::chrono::milliseconds grace);

    /// While one of these lives, the loop waits for notices. Without any (and with no start()
    /// under way) the link is no work for the loop.
    class interest {
    public:
        interest() = default;
        interest(interest&&) noexcept = default;
        interest& operator=(interest&& other) noexcept;
        ~interest();
        void reset();
        explicit operator bool() const noexcept { return body_ != nullptr; }

    private:
        friend class link;
        explicit interest(std::shared_ptr<link_body> body);
        std::shared_ptr<link_body> body_;
    };

    [[nodiscard]] interest listen();

    /// Reads what there is to read, though nobody listens: also that the supervisor is lost.
    void look();

    /// As if the loop were destroyed. For an owner that ends before its loop.
    void shutdown();

private:
    explicit link(std::shared_ptr<link_body> body);
    std::shared_ptr<link_body> body_;
};

/// Tells whoever waits for this process that it is ready. Nothing where nobody spawned it.
/// Errors: `would_block`: not taken, try again later; `errc::wrong_process`.
error_code notify_ready();

/// For a service that keeps the table of processes: it has committed the reports up to this one.
error_code confirm_reports(int control, std::uint64_t number);

/// For a service that needs no link: leaves a descriptor with the supervisor under a name (the
/// last one of a name counts) or takes it away. Kept from the moment this succeeds, even if the
/// service dies at once. `would_block`: not taken, try again later.
error_code keep_descriptor(int control, std::string_view name, int number);
error_code drop_descriptor(int control, std::string_view name);

} // namespace zproc::supervision
