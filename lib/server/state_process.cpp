#include "server/state_process.hpp"

#include "server/clocks.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include <poll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace zproc::serving {

namespace {

error_code system_failure()
{
    return {errno, boost::system::system_category()};
}

// Of what stays as it is when the process is started again.
constexpr int first_final_exit = 80;
constexpr errc final_errors[] = {errc::data_damaged, errc::disk_failed, errc::disk_full,
                                 errc::too_large};

int exit_of(const error_code& ec)
{
    for (std::size_t i = 0; i != std::size(final_errors); ++i)
        if (ec == final_errors[i])
            return first_final_exit + static_cast<int>(i);
    return EXIT_FAILURE;
}

int fail(const char* what, const error_code& ec)
{
    std::fprintf(stderr, "zproc: the state process cannot %s: %s\n", what, ec.message().c_str());
    return exit_of(ec);
}

/// Tells whoever is waiting for this state why there is none; it waits for somebody, for a while.
void refuse_clients(int listener, const error_code& ec)
{
    // Not to strangers: only who connects to a Unix socket is known to be this user.
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        address.sun_family != AF_UNIX)
        return;
    constexpr int first = 2000; // ms
    constexpr int others = 100;
    constexpr int all = 3000; // however many come; nobody can tell us to end meanwhile
    const auto now = [] { return read_clock(CLOCK_MONOTONIC) / 1'000'000; };
    const auto until = now() + all;
    pollfd one{listener, POLLIN, 0};
    for (int patience = first; ::poll(&one, 1, patience) > 0;
         patience = static_cast<int>(std::clamp<std::int64_t>(until - now(), 0, others))) {
        if (now() >= until)
            return;
        const descriptor client(
            ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!client)
            return;
        protocol::buffer out;
        protocol::write_error(out, 0, protocol::operation::hello, ec, {});
        (void)!::send(client.get(), out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

void log_data(const std::string& text)
{
    log_line("data: " + text);
}

/// The directory of the state's data, if there is one. `listener` goes with the state.
void use_data(host& state, const state_process_start& start, int kept, std::function<void()> leave)
{
    const int file = kept >= 0 ? kept : start.data;
    if (file < 0)
        return;
    // Kept by the supervisor, it stays locked until there is no successor any more.
    if (kept < 0 && start.keep && start.keep("data", file).failed())
        ::_exit(EXIT_FAILURE);
    // A limit is met like a full disk.
    ::signal(SIGXFSZ, SIG_IGN);
    state.use_data(descriptor(file), log_data, [leave = std::move(leave)](const error_code& ec) {
        leave();
        ::_exit(exit_of(ec));
    });
}

/// SIGTERM as a descriptor; everything else that may come from a terminal is ignored.
descriptor take_signals()
{
    for (const int number : {SIGINT, SIGQUIT, SIGHUP, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU})
        ::signal(number, SIG_IGN);
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &term, nullptr);
    return descriptor(::signalfd(-1, &term, SFD_NONBLOCK | SFD_CLOEXEC));
}

/// A SIGTERM to everybody (a service manager's) is the supervisor's to handle: it stops the state
/// last of all.
bool meant_for_us(int signals)
{
    signalfd_siginfo facts{};
    while (::read(signals, &facts, sizeof facts) == sizeof facts)
        if (facts.ssi_pid == static_cast<std::uint32_t>(::getppid()))
            return true;
    return false;
}

bool hung_up(int control)
{
    char byte = 0;
    const auto count = ::recv(control, &byte, sizeof byte, MSG_DONTWAIT);
    return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

void allow_many_descriptors()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/// A socket that nobody listens on any more. Nothing else is ever removed.
bool remove_forsaken(const sockaddr_un& address)
{
    struct stat info{};
    const descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const bool forsaken =
        ::lstat(address.sun_path, &info) == 0 && S_ISSOCK(info.st_mode) && probe &&
        ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno == ECONNREFUSED && ::unlink(address.sun_path) == 0;
    errno = EADDRINUSE;
    return forsaken;
}

} // namespace

void remove_socket(int listener)
{
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
        address.sun_family == AF_UNIX && address.sun_path[0] == '/')
        ::unlink(address.sun_path);
}

namespace {

/// Of the predecessor, or those it was started with, which are kept for the successor then. None
/// when they cannot be.
std::vector<int> take_listeners(const state_process_start& start,
                                const std::function<int(std::string_view)>& kept)
{
    const auto name = [](std::size_t i) {
        return "listener" + (i == 0 ? std::string() : std::to_string(i));
    };
    std::vector<int> all;
    for (int each = kept(name(0)); each >= 0; each = kept(name(all.size())))
        all.push_back(each);
    if (!all.empty())
        return all;
    all.push_back(start.listener);
    all.insert(all.end(), start.more_listeners.begin(), start.more_listeners.end());
    // The first one last: a successor that finds it finds all of them.
    for (std::size_t i = all.size(); start.keep && i-- != 0;)
        if (start.keep(name(i), all[i]).failed())
            return {};
    return all;
}

} // namespace

void log_line(const std::string& text)
{
    const auto now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    char time[32];
    std::strftime(time, sizeof time, "%F %T", &parts);
    std::fprintf(stderr, "%s zproc: %s\n", time, text.c_str());
}

descriptor make_listener(const std::string& path, error_code& ec)
{
    ec = {};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) {
        ec = errc::bad_address;
        return {};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    auto listener = above_standard(
        descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)));
    if (!listener) {
        ec = system_failure();
        return {};
    }
    // Nobody can connect between bind and chmod: that needs listen.
    const auto bind = [&] {
        return ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address),
                      sizeof address) == 0;
    };
    if (!bind() && !(errno == EADDRINUSE && remove_forsaken(address) && bind())) {
        ec = errno == EADDRINUSE ? make_error_code(errc::address_in_use) : system_failure();
        return {};
    }
    if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 || ::listen(listener.get(), SOMAXCONN) != 0) {
        ec = system_failure();
        return {};
    }
    return listener;
}

int run_state_process(const state_process_start& start)
{
    const auto options = unpack_options(start.options);
    if (!options)
        return fail("read its options", errc::malformed_frame);
    allow_many_descriptors();
    const auto signals = take_signals();

    host state(*options, start.keep);
    const auto kept = [&](std::string_view name) {
        return start.find_kept ? start.find_kept(name) : -1;
    };
    // Kept first: who succeeds to a ring must be able to serve it.
    const auto listeners = take_listeners(start, kept);
    if (listeners.empty())
        return fail("keep its sockets", errc::supervisor_lost);
    const auto leave = [&options, &listeners] {
        if (options->remove_socket)
            for (const int each : listeners)
                remove_socket(each);
    };
    use_data(state, start, kept("data"), leave);
    const rings::inheritance left{kept("ring"), kept("control"), kept("wake")};
    const bool successor = left.ring >= 0;
    if (const auto ec = successor ? state.succeed(left) : state.create(); ec.failed()) {
        const int code = fail(successor ? "take over from its predecessor" : "begin", ec);
        if (code != EXIT_FAILURE) { // there will be no other
            refuse_clients(listeners.front(), ec);
            leave();
        }
        return code;
    }

    for (const int listener : listeners)
        if (const auto ec = state.listen(descriptor(listener)); ec.failed())
            return fail("listen", ec);
    if (start.control >= 0)
        state.stop_on(start.control,
                      [&] { return start.told ? start.told(state) : hung_up(start.control); });
    state.stop_on(signals.get(), [&] { return meant_for_us(signals.get()); });

    while (state.turn(-1)) {}
    state.finish();
    leave();
    return EXIT_SUCCESS;
}

std::optional<errc> errc_of_exit(int code)
{
    const int i = code - first_final_exit;
    if (i < 0 || i >= static_cast<int>(std::size(final_errors)))
        return std::nullopt;
    return final_errors[i];
}

// ---- options -----------------------------------------------------------------------------------

namespace {

/// Those that may hold anything.
template <class Options>
auto texts_of(Options& options)
{
    return std::array{&options.secret, &options.tls.certificate, &options.tls.key,
                      &options.tls.authorities};
}

} // namespace

std::string pack_options(const host_options& options)
{
    std::string text;
    text += std::to_string(options.ring_capacity) + ' ';
    text += std::to_string(options.largest_capacity) + ' ';
    text += std::to_string(options.limits.request_bytes) + ' ';
    text += std::to_string(options.limits.value_bytes) + ' ';
    text += std::to_string(options.limits.key_bytes) + ' ';
    text += std::to_string(options.limits.depth) + ' ';
    text += std::to_string(options.connections) + ' ';
    text += std::to_string(options.session_expiry) + ' ';
    text += std::to_string(options.waiting_output) + ' ';
    text += std::to_string(options.read_within) + ' ';
    text += std::to_string(options.strangers) + ' ';
    text += std::to_string(options.hello_within) + ' ';
    text += std::to_string(options.failed_handshakes) + ' ';
    text += std::to_string(options.remove_socket ? 1 : 0) + ' ';
    text += std::to_string(static_cast<int>(options.fsync)) + ' ';
    text += std::to_string(options.sync_every) + ' ';
    text += std::to_string(options.salvage ? 1 : 0) + ' ';
    text += std::to_string(options.busy_poll) + ' ';
    for (const auto* each : texts_of(options))
        text += std::to_string(each->size()) + ' ' + *each;
    text += options.build_id;
    return text;
}

std::optional<host_options> unpack_options(std::string_view text)
{
    host_options options;
    int remove_socket = 0;
    int fsync = 0;
    int salvage = 0;
    if (text.empty())
        return options;
    const auto take = [&](auto& number) {
        const auto* end = text.data() + text.size();
        const auto [stopped, ec] = std::from_chars(text.data(), end, number);
        if (ec != std::errc() || stopped == end || *stopped != ' ')
            return false;
        text.remove_prefix(static_cast<std::size_t>(stopped - text.data()) + 1);
        return true;
    };
    if (!take(options.ring_capacity) || !take(options.largest_capacity) ||
        !take(options.limits.request_bytes) || !take(options.limits.value_bytes) ||
        !take(options.limits.key_bytes) || !take(options.limits.depth) ||
        !take(options.connections) || !take(options.session_expiry) ||
        !take(options.waiting_output) || !take(options.read_within) || !take(options.strangers) ||
        !take(options.hello_within) || !take(options.failed_handshakes) || !take(remove_socket) ||
        !take(fsync) || !take(options.sync_every) || !take(salvage) || !take(options.busy_poll) ||
        fsync < 0 || fsync > static_cast<int>(fsync_policy::commit))
        return std::nullopt;
    for (auto* each : texts_of(options)) {
        std::size_t bytes = 0;
        if (!take(bytes) || bytes > text.size())
            return std::nullopt;
        *each = text.substr(0, bytes);
        text.remove_prefix(bytes);
    }
    options.fsync = static_cast<fsync_policy>(fsync);
    options.salvage = salvage != 0;
    options.remove_socket = remove_socket != 0;
    options.build_id = text;
    return options;
}

} // namespace zproc::serving
