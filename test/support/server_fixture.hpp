#pragma once

#include "descriptor.hpp"
#include "protocol/address.hpp"
#include "protocol/frame.hpp"
#include "protocol/handshake.hpp"
#include "protocol/messages.hpp"
#include "server/host.hpp"
#include "shared_memory.hpp"

#include <atomic>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sys/types.h>

namespace zproc::test {

/// A path for a socket in the sandbox, new each time.
std::string fresh_socket_path();

/// A state served by a thread of this process, at a socket of its own. No supervisor, so it has
/// no successor, and says so.
class server_thread {
public:
    /// At an address of TCP, too, if one is given.
    explicit server_thread(serving::host_options options = {}, const std::string& tcp = {});
    ~server_thread();

    const std::string& path() const { return path_; }
    const protocol::address& tcp_address() const { return tcp_; }
    /// Not while it runs.
    const serving::hall& after_stop();
    void stop();

private:
    std::string path_;
    protocol::address tcp_;
    descriptor stop_;
    serving::host host_;
    std::thread thread_;
};

/// A state process as its supervisor would run it: forked, killed and succeeded at will. Fork
/// only while this process has no threads.
class server_process {
public:
    explicit server_process(serving::host_options options = {});
    ~server_process();

    const std::string& path() const { return path_; }
    pid_t pid() const { return pid_; }
    /// SIGKILL, reaped.
    void kill();
    /// A successor, given what the last one kept.
    void start();
    /// SIGTERM; the exit code, or minus the signal that ended it.
    int stop();
    /// As if its supervisor had died; the same.
    int abandon();

private:
    int end();
    void collect();

    serving::host_options options_;
    std::string path_;
    descriptor listener_;
    descriptor control_;
    std::map<std::string, descriptor> kept_;
    pid_t pid_ = -1;
};

/// A client that does just what a test says; it waits up to ten seconds for anything.
class raw_client {
public:
    explicit raw_client(const std::string& path);
    /// From any address of its own, or from that one (of IPv4).
    explicit raw_client(const protocol::address& tcp, const char* from = nullptr);

    int socket() const { return socket_.get(); }
    void send(std::span<const std::byte> bytes, int descriptor = -1);
    void send_text(std::string_view text);

    struct reply {
        std::uint32_t correlation = 0;
        protocol::operation code{};
        error_code error;
        protocol::buffer body;
        std::vector<descriptor> descriptors; ///< that came with it
        std::string text() const { return protocol::error_text(body); }
    };
    reply receive();
    /// The server has closed, and nothing more came.
    bool closed();

    protocol::server_hello greet(protocol::client_hello hello = {});

    template <class Request>
    reply ask(const Request& request, int descriptor = -1)
    {
        protocol::buffer out;
        protocol::write_request(out, ++correlation_, request);
        send(out, descriptor);
        auto answer = receive();
        if (answer.correlation != correlation_)
            throw std::runtime_error("the reply is to another request");
        return answer;
    }
    /// The views in what it returns live until the next call.
    template <class Reply, class Request>
    Reply get(const Request& request)
    {
        last_ = ask(request);
        Reply out;
        if (last_.error.failed() || protocol::decode(last_.body, out).failed())
            throw std::runtime_error("refused: " + last_.error.message() + last_.text());
        return out;
    }

    /// A mutation's next number.
    protocol::mutation by() { return {++number_, number_ - 1, 1}; }

private:
    bool wait(short events, int milliseconds) const;

    descriptor socket_;
    protocol::frame_parser parser_{protocol::max_reply_bytes};
    std::vector<descriptor> descriptors_;
    std::uint32_t correlation_ = 0;
    std::uint64_t number_ = 0;
    reply last_;
};

/// One MessagePack value.
std::vector<std::byte> packed(std::int64_t number);
std::vector<std::byte> packed(std::string_view text);

} // namespace zproc::test
