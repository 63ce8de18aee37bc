#pragma once

#include "support/operation_world.hpp"
#include "support/server_fixture.hpp"

#include <zproc/replica.hpp>

#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test {

/// The code that a read of a replica fails with; none when it does not.
template <class Read>
error_code thrown_by(Read read)
{
    try {
        static_cast<void>(read());
    } catch (const system_error& e) {
        return e.code();
    }
    return {};
}

/// A process of this test; it has to be given what it needs by value.
template <class Body>
pid_t in_a_process(Body body)
{
    const pid_t pid = ::fork();
    BOOST_REQUIRE(pid >= 0);
    if (pid != 0)
        return pid;
    int code = 99;
    try {
        code = body();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "in process %d: %s\n", ::getpid(), e.what());
    }
    ::_exit(code);
}

inline int exit_code(pid_t pid)
{
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// A state process to be killed at will, and a context of this process that uses it.
struct replicated {
    server_process server;
    operation_world w;

    explicit replicated(serving::host_options options = {}, context_options of_context = {})
        : server(std::move(options)), w(of_context.address("unix://" + server.path()))
    {
    }

    zproc::replica open(std::string name = "default")
    {
        return w.now([&](auto token) { return w.ctx.state(std::move(name)).replica(token); });
    }
};

/// Who writes without a loop.
class raw_writer {
public:
    explicit raw_writer(const std::string& path) : client_(path) { client_.greet(); }

    void set(std::string_view key, std::span<const std::byte> value,
             std::string_view name_space = "default")
    {
        client_.get<protocol::mutation_reply>(
            protocol::set_request{client_.by(), name_space, key, value});
    }
    void set(std::string_view key, std::int64_t number, std::string_view name_space = "default")
    {
        set(key, packed(number), name_space);
    }
    void erase(std::string_view key)
    {
        client_.get<protocol::mutation_reply>(
            protocol::erase_request{client_.by(), "default", {key}});
    }

private:
    raw_client client_;
};

} // namespace zproc::test
