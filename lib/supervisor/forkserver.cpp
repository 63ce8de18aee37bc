#include "supervisor/forkserver.hpp"

#include "process_number.hpp"
#include "supervisor/invocation.hpp"
#include "supervisor/last_words.hpp"
#include "supervisor/reserve.hpp"
#include "supervisor/walk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <variant>

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The loop of the supervisor, and what comes in. What is done about it is in forkserver_tree.cpp.

namespace zproc::supervision {
namespace {

// Keys of what is no peer; peers have their id.
constexpr std::uint64_t signal_key = ~std::uint64_t{0};
constexpr std::uint64_t root_key = signal_key - 1;
constexpr std::uint64_t guardian_key = signal_key - 2;
/// Of a command that is being launched, beside its id.
constexpr std::uint64_t launch_bit = std::uint64_t{1} << 62;

/// So many packets of one peer before the others have their turn.
constexpr int packets_per_turn = 64;

std::vector<descriptor> one(descriptor d)
{
    std::vector<descriptor> list;
    list.push_back(std::move(d));
    return list;
}

/// EPERM for a process that has not this one's user and group any more: its children would get more
/// rights than it has. Or why that is not known, or 0.
int check_rights_of(pid_t number)
{
    // The directory itself belongs to the effective user and group, whatever else /proc hides; and
    // it takes a tenth of the time of reading "status" in it.
    struct stat process{};
    if (::stat(("/proc/" + std::to_string(number)).c_str(), &process) != 0)
        return errno;
    return process.st_uid == ::geteuid() && process.st_gid == ::getegid() ? 0 : EPERM;
}

bool watch(const descriptor& events, const descriptor& what, std::uint64_t key)
{
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    return ::epoll_ctl(events.get(), EPOLL_CTL_ADD, what.get(), &event) == 0;
}

} // namespace

forkserver::time_point forkserver::now()
{
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

forkserver::forkserver(forkserver_setup setup) : setup_(std::move(setup))
{
}

int forkserver::set_up()
{
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);

    chance_.seed(std::random_device{}());
    events_.reset(::epoll_create1(EPOLL_CLOEXEC));
    signals_.reset(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!events_ || !signals_ || !watch(events_, signals_, signal_key) ||
        !watch(events_, setup_.root_pidfd, root_key) ||
        !watch(events_, setup_.guardian_socket, guardian_key))
        return errno;

    // One descriptor per child: the usual soft limit would be the first thing to run out.
    rlimit files = setup_.surroundings.open_files;
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    keep_reserve();

    auto& root = members_[tree::root].socket;
    return root.open(std::move(setup_.root_socket), events_.get(), tree::root) ? 0 : errno;
}

void forkserver::warm_up()
{
    rehearse();
    // The first fork of a process pays for page tables and copies that later ones find ready.
    const auto pid = ::fork();
    if (pid == 0)
        ::_exit(0);
    if (pid > 0)
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {}
}

int forkserver::serve()
{
    if (const auto error = set_up())
        return error;
    warm_up();
    message::hello ready;
    ready.runtime_directory = setup_.surroundings.runtime_directory;
    ready.supervisor = own_number();
    ready.isolation = setup_.surroundings.isolation;
    ready.control_group = setup_.control_group;
    ready.guardian = setup_.guardian;
    tell(tree::root, ready);
    while (!finished_)
        wait_once();
    // The guardian does so, too, but may have been the first to die.
    std::error_code ignored;
    std::filesystem::remove_all(setup_.surroundings.runtime_directory, ignored);
    return 0;
}

void forkserver::wait_once()
{
    std::array<epoll_event, 32> happened;
    const auto count = ::epoll_wait(events_.get(), happened.data(),
                                    static_cast<int>(happened.size()), next_timeout());
    if (count < 0 && errno != EINTR) {
        // Deaf, it is no use to anybody: its end ends everything, and everybody hears of it.
        say("zproc: the supervisor cannot wait any more: " + std::string(::strerror(errno)) + '\n');
        ::_exit(1);
    }
    turn_began_ = now();
    for (int i = 0; i < count; ++i) {
        const auto& event = happened[static_cast<std::size_t>(i)];
        show_life();
        switch (event.data.u64) {
        case signal_key: {
            signalfd_siginfo info; // one at most is pending
            static_cast<void>(!::read(signals_.get(), &info, sizeof info));
            bury_the_dead();
            break;
        }
        case root_key:
            ::epoll_ctl(events_.get(), EPOLL_CTL_DEL, setup_.root_pidfd.get(), nullptr);
            root_gone({});
            break;
        case guardian_key: {
            char byte;
            const auto size = ::recv(setup_.guardian_socket.get(), &byte, 1, MSG_DONTWAIT);
            if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) {
                setup_.guardian_socket.reset();
                root_gone({});
            }
            break;
        }
        default: {
            const auto who = event.data.u64;
            if (who & launch_bit) {
                settle_launch(who & ~launch_bit);
                break;
            }
            if (event.events & EPOLLOUT)
                if (const auto found = members_.find(who); found != members_.end())
                    found->second.socket.flush();
            if (event.events & ~static_cast<std::uint32_t>(EPOLLOUT))
                read(who);
        }
        }
    }
    if (look_again_)
        bury_the_dead();
    fire_timers();
    // Nobody can command us any more: the root ended, or turned into another program. A read or a
    // send has found it out; what that was part of is done by now.
    if (root_listens_ && !members_.at(tree::root).socket.is_open()) {
        root_listens_ = false;
        root_gone({});
    }

    // While it is ending everything, the guardian wants to see that it is not stuck.
    if (leaving_)
        turn_began_ = time_point(0);
    show_life();
}

/// Within a long turn, too: the root may have died since it began.
void forkserver::show_life()
{
    const auto at = now();
    if (!setup_.guardian_socket || at - std::max(last_sign_, turn_began_) < milliseconds(100))
        return;
    last_sign_ = at;
    ::send(setup_.guardian_socket.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int forkserver::next_timeout() const
{
    using std::chrono::nanoseconds;
    if (look_again_)
        return 1;
    auto wait = nanoseconds::max();
    if (!timers_.empty())
        wait = std::max(timers_.begin()->first - now(), nanoseconds(0));
    if (leaving_)
        wait = std::min<nanoseconds>(wait, milliseconds(100));
    if (wait == nanoseconds::max())
        return -1;
    return static_cast<int>(
        std::min<std::int64_t>(std::chrono::ceil<milliseconds>(wait).count(), 60'000));
}

void forkserver::read(member_id from)
{
    for (int i = 0; i != packets_per_turn; ++i) {
        const auto found = members_.find(from);
        if (found == members_.end() || !found->second.socket.is_open())
            return;
        auto packet = receiver_.receive(found->second.socket.socket());
        if (packet.what == received_packet::outcome::nothing_yet)
            return;
        if (packet.what == received_packet::outcome::closed) {
            found->second.socket.close();
            return;
        }
        handle(from, std::move(packet));
    }
}

template <class T, class... Those>
constexpr bool one_of = (std::is_same_v<T, Those> || ...);

void forkserver::handle(member_id from, received_packet packet)
{
    auto m = decode(packet.bytes);
    if (!m)
        return;
    if (packet.incomplete) {
        // At the limit of descriptors: what depends on them must not be done by halves.
        if (const auto* asked = std::get_if<message::spawn>(&*m))
            tell(from, message::failed{asked->request, EMFILE});
        return;
    }
    std::visit(
        // By name: g++ 12 finds `requires { on(from, each, …); }` false here for some of them.
        [&]<class Message>(const Message& each) {
            if constexpr (one_of<Message, message::spawn, message::keep>)
                on(from, each, std::move(packet.descriptors));
            else if constexpr (one_of<Message, message::stop, message::signal, message::drop,
                                      message::leave, message::threw, message::ready, message::link,
                                      message::reported>)
                on(from, each);
        },
        *m);
}

void forkserver::on(member_id from, const message::spawn& m, std::vector<descriptor> descriptors)
{
    const auto refuse = [&](int error) { tell(from, message::failed{m.request, error}); };
    const auto entry_point = m.service && m.entry == 0
                                 ? service_entry()
                                 : reinterpret_cast<entry>(static_cast<std::uintptr_t>(m.entry));
    if (descriptors.size() < 3)
        return refuse(EBADF);
    if (m.command ? m.command->empty() : !is_registered(entry_point))
        return refuse(ENOEXEC);
    if (leaving_) {
        // The root is answered by the end of its socket: when all is over, not before.
        if (from != tree::root)
            refuse(ECANCELED); // who asks is to end
        return;
    }
    if (from != tree::root && members_.at(from).state != child_state::running)
        return refuse(ECANCELED); // who asks is to end
    if (const auto error = check_rights_of(from == tree::root ? setup_.surroundings.root
                                                              : members_.at(from).outside))
        return refuse(error);

    const auto added_id = next_id_++;
    auto& added = members_[added_id];
    added.owner = from;
    added.grace = m.grace;
    added.plan = {m, std::move(descriptors)};
    added.plan.spawn.entry = reinterpret_cast<std::uintptr_t>(entry_point);
    added.name = m.name;
    added.history = restart_history(m.restart);
    packet_pair status;
    if (m.command && (!(status = make_packet_pair()).first ||
                      !watch(events_, status.first, added_id | launch_bit))) {
        members_.erase(added_id);
        return refuse(errno);
    }
    descriptor pidfd;
    if (const auto error = fork_run(added_id, pidfd, status.second.get())) {
        members_.erase(added_id);
        return refuse(error);
    }
    tree_.add(added_id, from, m.service ? tree::kin::service : tree::kin::child);
    if (m.linked) {
        added.links.insert(from);
        members_.at(from).links.insert(added_id);
    }
    if (m.service) {
        added.records = std::make_unique<record_book>();
        services_.insert(added_id);
    }
    if (m.command) {
        added.launch = launching{m.request, std::move(status.first), std::move(pidfd)};
    } else {
        const auto pid = number_for(from, added);
        tell(from, message::started{m.request, added_id, pid}, one(std::move(pidfd)));
    }
    // What nobody waits for comes behind the answer.
    if (m.restart.when == restart_rules::mode::never)
        members_.at(added_id).plan = {};
    if (!m.command)
        record(added_id, message::report::state::up);
}

/// The program runs, or could not be run: then nobody hears of the process that was to be it.
void forkserver::settle_launch(member_id who)
{
    const auto found = members_.find(who);
    if (found == members_.end() || !found->second.launch)
        return;
    auto& m = found->second;
    auto launch = std::move(*m.launch);
    m.launch.reset();
    int error = 0;
    if (::recv(launch.status.get(), &error, sizeof error, MSG_DONTWAIT) == sizeof error) {
        m.orphan = true;
        m.history = restart_history(restart_rules{});
        unlink(who); // its owner hears of the error, and does not fall with it
        return tell(m.owner, message::failed{launch.request, error});
    }
    tell(m.owner, message::started{launch.request, who, number_for(m.owner, m)},
         one(std::move(launch.pidfd)));
    record(who, message::report::state::up);
}

/// What `whom` knows a process by.
pid_t forkserver::number_for(member_id whom, const member& m)
{
    return whom == tree::root ? m.outside : m.last_pid;
}

void forkserver::on(member_id from, const message::stop& m)
{
    if (tree_.below(m.child, from))
        stop(m.child, std::max(m.grace, milliseconds(0)));
}

void forkserver::on(member_id from, const message::signal& m)
{
    // Its pid cannot be anyone else's before it is reaped; between two runs it has none.
    if (tree_.below(m.child, from) && tree_.alive(m.child) && members_.at(m.child).pid > 0)
        ::kill(members_.at(m.child).pid, m.number);
}

void forkserver::on(member_id from, const message::leave& m)
{
    if (from == tree::root)
        root_gone(std::max(m.grace, milliseconds(0)));
}

void forkserver::on(member_id from, const message::keep& m, std::vector<descriptor> descriptors)
{
    if (tree_.is_service(from) && descriptors.size() == 1)
        members_.at(from).kept[m.name] = std::move(descriptors.front());
}

void forkserver::on(member_id from, const message::drop& m)
{
    if (tree_.is_service(from))
        members_.at(from).kept.erase(m.name);
}

void forkserver::on(member_id from, const message::threw& m)
{
    members_.at(from).verdict = m.retry;
}

void forkserver::on(member_id from, const message::ready&)
{
    auto& m = members_.at(from);
    if (from == tree::root || m.is_ready || m.state != child_state::running)
        return;
    m.is_ready = true;
    announce(from, message::progress::phase::ready);
}

void forkserver::on(member_id from, const message::link& m)
{
    const auto may = [&](member_id who) { return who == from || tree_.below(who, from); };
    if (!may(m.one) || !may(m.other) || !tree_.alive(m.one) || !tree_.alive(m.other))
        return;
    members_.at(m.one).links.insert(m.other);
    members_.at(m.other).links.insert(m.one);
}

void forkserver::on(member_id from, const message::reported& m)
{
    if (auto& records = members_.at(from).records) {
        records->committed(m.number);
        send_records(from);
    }
}

} // namespace zproc::supervision
