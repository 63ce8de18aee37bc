#include "support/server_fixture.hpp"

#include "server/state_process.hpp"
#include "support/sandbox.hpp"
#include "tcp.hpp"
#include "value/msgpack.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test {

namespace {

constexpr int patience = 10'000; // ms

[[noreturn]] void fail(const char* what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

/// The bytes, with descriptors beside the first of them.
ssize_t send_with(int socket, const void* bytes, std::size_t size, std::span<const int> files)
{
    iovec from{const_cast<void*>(bytes), size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> beside{};
    msghdr message{};
    message.msg_iov = &from;
    message.msg_iovlen = 1;
    if (!files.empty()) {
        message.msg_control = beside.data();
        message.msg_controllen = CMSG_SPACE(files.size_bytes());
        auto* part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(files.size_bytes());
        std::memcpy(CMSG_DATA(part), files.data(), files.size_bytes());
    }
    return ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

ssize_t receive_with(int socket, std::span<std::byte> into, std::vector<descriptor>& files)
{
    iovec to{into.data(), into.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> beside{};
    msghdr message{};
    message.msg_iov = &to;
    message.msg_iovlen = 1;
    message.msg_control = beside.data();
    message.msg_controllen = beside.size();
    const auto count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    for (auto* part = count < 0 ? nullptr : CMSG_FIRSTHDR(&message); part;
         part = CMSG_NXTHDR(&message, part)) {
        std::array<int, 8> numbers{};
        const auto size = part->cmsg_len - CMSG_LEN(0);
        std::memcpy(numbers.data(), CMSG_DATA(part), size);
        for (std::size_t i = 0; i != size / sizeof(int); ++i)
            files.emplace_back(numbers[i]);
    }
    return count;
}

} // namespace

std::string fresh_socket_path()
{
    static int count = 0;
    return (sandbox::directory() / ("state" + std::to_string(++count))).string();
}

std::vector<std::byte> packed(std::int64_t number)
{
    std::vector<std::byte> out;
    msgpack::writer(out).write_int(number);
    return out;
}

std::vector<std::byte> packed(std::string_view text)
{
    std::vector<std::byte> out;
    msgpack::writer(out).write_str(text);
    return out;
}

// ---- in a thread -------------------------------------------------------------------------------

server_thread::server_thread(serving::host_options options, const std::string& at_tcp)
    : path_(fresh_socket_path()), stop_(::eventfd(0, EFD_CLOEXEC)), host_([&] {
          options.durability = protocol::durability::none;
          return options;
      }())
{
    error_code ec;
    auto listener = serving::make_listener(path_, ec);
    if (!ec.failed())
        ec = host_.create();
    if (!ec.failed())
        ec = host_.listen(std::move(listener));
    std::string text;
    if (!ec.failed() && !at_tcp.empty()) {
        protocol::address at;
        ec = protocol::parse_address(at_tcp, protocol::side::server, at, text);
        if (!ec.failed())
            listener = tcp::listen(at, true, tcp_, ec, text);
        if (!ec.failed())
            ec = host_.listen(std::move(listener));
    }
    if (!ec.failed())
        ec = host_.stop_on(stop_.get(), [] { return true; });
    if (ec.failed())
        throw system_error(ec, "server_thread");
    thread_ = std::thread([this] {
        while (host_.turn(-1)) {}
        host_.finish();
    });
}

server_thread::~server_thread()
{
    stop();
    ::unlink(path_.c_str());
}

void server_thread::stop()
{
    if (!thread_.joinable())
        return;
    signal_eventfd(stop_.get());
    thread_.join();
}

const serving::hall& server_thread::after_stop()
{
    stop();
    return host_.shared();
}

// ---- in a process ------------------------------------------------------------------------------

server_process::server_process(serving::host_options options)
    : options_(std::move(options)), path_(fresh_socket_path())
{
    error_code ec;
    listener_ = serving::make_listener(path_, ec);
    if (ec.failed())
        throw system_error(ec, "server_process");
    start();
}

server_process::~server_process()
{
    kill();
    ::unlink(path_.c_str());
}

void server_process::start()
{
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        fail("socketpair");
    control_ = descriptor(pair[0]);
    pid_ = ::fork();
    if (pid_ < 0)
        fail("fork");
    if (pid_ == 0) {
        ::close(pair[0]);
        serving::state_process_start given;
        given.control = pair[1];
        given.listener = ::fcntl(listener_.get(), F_DUPFD_CLOEXEC, 3);
        given.find_kept = [this](std::string_view name) {
            const auto it = kept_.find(std::string(name));
            return it == kept_.end() ? -1 : ::fcntl(it->second.get(), F_DUPFD_CLOEXEC, 3);
        };
        given.keep = [&](std::string_view name, int file) {
            return send_with(pair[1], name.data(), name.size(), {&file, 1}) < 0
                       ? make_error_code(errc::supervisor_lost)
                       : error_code();
        };
        given.options = serving::pack_options(options_);
        ::_exit(serving::run_state_process(given));
    }
    ::close(pair[1]);
}

/// What a supervisor does with a dead service: reads to the end what it had sent.
void server_process::collect()
{
    std::array<std::byte, 64> name;
    for (;;) {
        std::vector<descriptor> files;
        const auto count = receive_with(control_.get(), name, files);
        if (count <= 0 || files.size() != 1)
            break;
        const std::string key(reinterpret_cast<const char*>(name.data()),
                              static_cast<std::size_t>(count));
        kept_[key] = std::move(files.front());
    }
}

void server_process::kill()
{
    if (pid_ <= 0)
        return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
    collect();
    control_ = {};
}

int server_process::stop()
{
    if (pid_ <= 0)
        throw std::logic_error("server_process: there is none to stop");
    ::kill(pid_, SIGTERM);
    const int code = end();
    collect();
    control_ = {};
    return code;
}

int server_process::abandon()
{
    control_ = {};
    return end();
}

int server_process::end()
{
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// ---- a client ----------------------------------------------------------------------------------

raw_client::raw_client(const std::string& path)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        fail("connect");
}

raw_client::raw_client(const protocol::address& at, const char* from)
{
    std::vector<tcp::endpoint> found;
    std::string text;
    if (tcp::resolve(at, found, text).failed())
        throw std::runtime_error(text);
    const auto& to = found.front();
    socket_ = descriptor(::socket(to.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (from != nullptr) {
        sockaddr_in own{};
        own.sin_family = AF_INET;
        ::inet_pton(AF_INET, from, &own.sin_addr);
        if (::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
            fail("bind");
    }
    if (::connect(socket_.get(), to.get(), to.size) != 0)
        fail("connect");
}

bool raw_client::wait(short events, int milliseconds) const
{
    pollfd one{socket_.get(), events, 0};
    return ::poll(&one, 1, milliseconds) == 1;
}

void raw_client::send(std::span<const std::byte> bytes, int descriptor)
{
    while (!bytes.empty()) {
        if (!wait(POLLOUT, patience))
            throw std::runtime_error("the server takes nothing");
        const std::span<const int> files(&descriptor, descriptor < 0 ? 0u : 1u);
        const auto count = send_with(socket_.get(), bytes.data(), bytes.size(), files);
        if (count < 0)
            fail("send");
        bytes = bytes.subspan(static_cast<std::size_t>(count));
        descriptor = -1;
    }
}

void raw_client::send_text(std::string_view text)
{
    send(std::as_bytes(std::span(text)));
}

raw_client::reply raw_client::receive()
{
    protocol::frame f;
    while (parser_.next(f) != protocol::frame_parser::found) {
        if (!wait(POLLIN, patience))
            throw std::runtime_error("the server does not answer");
        const auto room = parser_.prepare(4096);
        const auto count = receive_with(socket_.get(), room, descriptors_);
        if (count <= 0)
            throw std::runtime_error("the server has closed");
        parser_.commit(static_cast<std::size_t>(count));
    }
    reply out;
    out.correlation = f.correlation;
    out.code = f.code;
    out.error = f.error();
    out.body.assign(f.body.begin(), f.body.end());
    out.descriptors = std::exchange(descriptors_, {});
    return out;
}

bool raw_client::closed()
{
    std::byte byte;
    return wait(POLLIN, patience) && ::recv(socket_.get(), &byte, 1, MSG_DONTWAIT) <= 0;
}

protocol::server_hello raw_client::greet(protocol::client_hello hello)
{
    protocol::buffer out;
    protocol::write_hello(out, 0, hello);
    send(out);
    last_ = receive();
    protocol::frame f;
    f.code = last_.code;
    f.status = static_cast<std::uint16_t>(last_.error.value());
    f.body = last_.body;
    protocol::server_hello welcome;
    std::string text;
    if (const auto ec = protocol::read_welcome(f, welcome, text); ec.failed())
        throw system_error(ec, text);
    return welcome;
}

} // namespace zproc::test
