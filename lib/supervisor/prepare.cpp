#include "supervisor/prepare.hpp"

#include "descriptor.hpp"
#include "supervisor/entry.hpp"
#include "supervisor/guardian.hpp"
#include "supervisor/isolation.hpp"
#include "supervisor/messages.hpp"
#include "supervisor/packet.hpp"
#include "supervisor/pidfd.hpp"
#include "supervisor/program.hpp"
#include "supervisor/surroundings.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::size_t own_threads = 2;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr std::size_t own_threads = 2; // one is the sanitizer's
#else
constexpr std::size_t own_threads = 1;
#endif
#else
constexpr std::size_t own_threads = 1;
#endif

using clock = std::chrono::steady_clock;

/// For guardian and supervisor to be forked and to serve.
constexpr std::chrono::seconds set_up_limit{10};

/// For the last of a lost supervisor to be gone.
constexpr std::chrono::seconds settle_limit{1};

// Never destroyed: handles may be used until the very end of the process.
constinit std::atomic<const membership*> member = nullptr;
constinit std::atomic<bool> lost = false;

/// getpid(), without asking the system each time: every operation wants to know whether it is in a
/// plain fork. There this page is empty.
pid_t own_pid() noexcept
{
    static auto* const known = []() -> std::atomic<pid_t>* {
        const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        void* const page =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            return nullptr;
        if (::madvise(page, size, MADV_WIPEONFORK) != 0) {
            ::munmap(page, size);
            return nullptr;
        }
        return new (page) std::atomic<pid_t>(0);
    }();
    if (known == nullptr)
        return ::getpid();
    auto pid = known->load(std::memory_order_relaxed);
    if (pid == 0) {
        pid = ::getpid();
        known->store(pid, std::memory_order_relaxed);
    }
    return pid;
}

struct thread_names {
    std::size_t count = 0;
    std::string others;
};

thread_names threads_of_this_process()
{
    thread_names result;
    std::error_code ec;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ec)) {
        ++result.count;
        if (task.path().filename() == std::to_string(::getpid()))
            continue;
        std::string name;
        std::getline(std::ifstream(task.path() / "comm"), name);
        result.others += (result.others.empty() ? "'" : ", '") + name + "'";
    }
    return result;
}

void flush_output()
{
    // What is buffered now would be written again by every child that flushes.
    const std::ios_base::Init streams_exist;
    std::cout.flush();
    std::clog.flush();
    std::fflush(nullptr);
}

error_code fail(diagnostics* why, errc code, std::string text)
{
    if (why)
        why->text = std::move(text);
    return code;
}

error_code fail_with_errno(diagnostics* why, const char* what, int error)
{
    return fail(why, errc::supervisor_failed, std::string(what) + ": " + std::strerror(error));
}

/// False when it did not end within a second: nobody waits for ever.
bool reap(pid_t child) noexcept
{
    const auto pidfd = open_pidfd(child);
    pollfd end{pidfd.get(), POLLIN, 0};
    if (pidfd)
        ::poll(&end, 1, 1000);
    return ::waitpid(child, nullptr, WNOHANG | __WALL) != 0;
}

std::optional<message::hello> wait_for_hello(const descriptor& socket,
                                             std::chrono::milliseconds limit)
{
    const auto until = clock::now() + limit;
    packet_receiver receiver;
    for (;;) {
        pollfd readable{socket.get(), POLLIN, 0};
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now());
        const auto count =
            ::poll(&readable, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return {};
        const auto packet = receiver.receive(socket.get());
        if (packet.what == received_packet::outcome::nothing_yet)
            continue;
        const auto m = decode(packet.bytes);
        if (!m || !std::holds_alternative<message::hello>(*m))
            return {};
        return std::get<message::hello>(*m);
    }
}

/// There is a supervisor already: is it what is wanted?
error_code look_at(const membership& known, std::optional<isolation_level> asked, diagnostics* why)
{
    if (known.self != ::getpid())
        return fail(why, errc::wrong_process,
                    "this process is a plain fork of one that has a supervisor");
    if (lost)
        return fail(why, errc::supervisor_lost, "the supervisor of this process is gone");
    if (asked && *asked != known.isolation)
        return fail(why, errc::isolation_unavailable,
                    std::string("the supervisor of this program was made with isolation '") +
                        name_of(known.isolation) + "'; call zproc::prepare(isolation_level::" +
                        name_of(*asked) + ") at the start of main");
    return {};
}

/// A guardian that is about to be made.
struct preparation {
    const pid_t root = ::getpid();
    packet_pair sockets = make_packet_pair();
    descriptor self = above_standard(open_pidfd(root));

    error_code open(diagnostics* why) const
    {
        if (!sockets.first || !self)
            return fail_with_errno(why, "opening a socket pair and a pidfd", errno);
        flush_output();
        remember_surroundings();
        return {};
    }

    /// `child` is the guardian; where that is another program, it has been started by `child`,
    /// which ends then.
    error_code finish(pid_t child, bool functions, std::chrono::milliseconds limit,
                      diagnostics* why)
    {
        sockets.second.reset();
        const auto hello = wait_for_hello(sockets.first, limit);
        if (!hello || hello->error != 0) {
            // It removes its directory before it ends.
            if (!reap(child)) {
                ::kill(child, SIGKILL);
                reap(child);
            }
            if (!hello)
                return fail(why, errc::supervisor_failed, "the supervisor ended or did not answer");
            fail_with_errno(why, hello->failed.c_str(), hello->error);
            return hello->refused ? errc::isolation_unavailable : errc::supervisor_failed;
        }
        if (!functions)
            reap(child);
        auto made = std::make_unique<membership>();
        made->self = root;
        made->control = sockets.first.release();
        made->guardian = hello->guardian;
        made->supervisor = hello->supervisor;
        made->root = true;
        made->functions = functions;
        made->runtime_directory = hello->runtime_directory;
        made->isolation = hello->isolation;
        made->control_group = hello->control_group;
        member = made.release();
        return {};
    }
};

/// The executable that could not become the supervisor, and why.
struct failed_program {
    std::string path;
    std::optional<isolation_level> asked;
    clock::time_point until;
    error_code ec;
    std::string text;
};

/// Of several threads one starts the executable.
std::mutex one_at_a_time;

// Under that lock; never destroyed, as above.
std::optional<failed_program>& last_failure()
{
    static auto* const only = new std::optional<failed_program>;
    return *only;
}

error_code start_as_supervisor(const std::string& program, std::optional<isolation_level> asked,
                               const program_limits& limits, diagnostics& why)
{
    preparation begun;
    if (const auto ec = begun.open(&why))
        return ec;
    int error = 0;
    const auto starter =
        start_program(program, begun.sockets.second.get(), begun.self.get(), asked, error);
    if (starter < 0)
        return fail_with_errno(&why, ("starting " + program).c_str(), error);
    return begun.finish(starter, false, limits.answer, &why);
}

/// What is known of the executable, to who asks why there is no supervisor.
void add_failure_of_program(diagnostics* why)
{
    const std::lock_guard lock(one_at_a_time);
    if (why && last_failure())
        why->text += "; " + last_failure()->path +
                     " was to be its supervisor, and failed: " + last_failure()->text;
}

} // namespace

error_code prepare(std::optional<isolation_level> asked, diagnostics* why)
{
    if (const auto* known = member.load()) {
        if (const auto ec = look_at(*known, asked, why))
            return ec;
        return known->functions
                   ? error_code()
                   : fail(why, errc::threads_before_supervisor,
                          "this process had threads when its supervisor was started, which knows "
                          "none of its functions; call zproc::prepare() at the start of main");
    }
    const auto threads = threads_of_this_process();
    if (threads.count == 0)
        return fail_with_errno(why, "reading /proc/self/task", errno ? errno : ENOENT);
    if (threads.count > own_threads) {
        fail(why, errc::threads_before_supervisor,
             "this process already has " + std::to_string(threads.count) +
                 " threads (besides the first: " + threads.others +
                 "); call zproc::prepare() at the start of main, before they are made");
        add_failure_of_program(why);
        return errc::threads_before_supervisor;
    }
    preparation begun;
    if (const auto ec = begun.open(why))
        return ec;
    sigset_t all, before;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, &before);
    // Exit signal 0: neither the host's SIGCHLD handler nor its waitpid(-1) ever see the guardian.
    const auto guardian =
        static_cast<pid_t>(::syscall(SYS_clone, 0UL, nullptr, nullptr, nullptr, 0UL));
    const auto error = errno;
    if (guardian == 0)
        run_guardian({begun.root, std::move(begun.sockets.second), std::move(begun.self), asked});
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (guardian < 0)
        return fail_with_errno(why, "cloning the guardian", error);
    return begun.finish(guardian, true, set_up_limit, why);
}

error_code prepare_for_programs(std::optional<isolation_level> asked, diagnostics* why,
                                program_limits limits)
{
    if (const auto* known = member.load())
        return look_at(*known, asked, why);
    const auto refused = prepare(asked, why);
    if (refused != errc::threads_before_supervisor)
        return refused;
    const auto program = find_program();
    if (program.empty() && named_program().empty()) {
        if (why)
            why->text += ", or install the executable zproc (or let ZPROC_PROGRAM name it), which "
                         "starts servers and commands for programs with threads";
        return refused;
    }
    const std::lock_guard lock(one_at_a_time);
    if (const auto* known = member.load())
        return look_at(*known, asked, why);
    const auto& path = program.empty() ? named_program() : program;
    auto& last = last_failure();
    if (!last || last->path != path || last->asked != asked || clock::now() >= last->until) {
        last.reset();
        diagnostics failure;
        const auto ec = program.empty() ? fail(&failure, errc::threads_before_supervisor,
                                               "it is no executable file")
                                        : start_as_supervisor(program, asked, limits, failure);
        if (!ec)
            return ec;
        last = failed_program{path, asked, clock::now() + limits.retry_after, ec,
                              std::move(failure.text)};
        if (why == nullptr)
            std::cerr
                << "zproc: " << path
                << " was to be the supervisor of this program, which has threads, and failed: "
                << last->text << std::endl;
    }
    if (why)
        why->text = last->text;
    return last->ec;
}

const membership* current() noexcept
{
    const auto* known = member.load();
    return known && known->self == own_pid() ? known : nullptr;
}

bool is_foreign_fork() noexcept
{
    const auto* known = member.load();
    return known && known->self != own_pid();
}

std::string runtime_directory()
{
    const auto* known = current();
    return known ? known->runtime_directory : std::string();
}

std::string process_name()
{
    const auto* known = current();
    return known && !known->name.empty() ? known->name : program_invocation_short_name;
}

void become_child(const child_start& start, pid_t supervisor, isolation_level isolation)
{
    auto made = std::make_unique<membership>();
    made->self = ::getpid();
    made->control = start.control;
    made->supervisor = supervisor;
    made->name = start.name;
    made->runtime_directory = start.runtime_directory;
    made->isolation = isolation;
    member = made.release();
}

bool supervisor_lost() noexcept
{
    return lost;
}

bool settle_loss() noexcept
{
    const auto* known = current();
    if (!known || lost || !known->root) {
        lost = lost || known;
        return true;
    }
    static const auto until = clock::now() + settle_limit;
    const bool waits = clock::now() < until;
    // What both would have done, had they not died at once.
    const bool group_ended =
        known->control_group.empty() || try_to_end_control_group(known->control_group);
    if (!group_ended && waits)
        return false;
    if (known->functions && ::waitpid(known->guardian, nullptr, WNOHANG | __WALL) == 0 && waits)
        return false;
    std::error_code ignored;
    std::filesystem::remove_all(known->runtime_directory, ignored);
    lost = true;
    return true;
}

} // namespace zproc::supervision
