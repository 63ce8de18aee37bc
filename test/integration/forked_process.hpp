#pragma once

#include "supervisor/entry.hpp"
#include "supervisor/invocation.hpp"
#include "supervisor/messages.hpp"

#include <zproc/error.hpp>
#include <zproc/process.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test {

/// A spawned process whose supervisor is this test.
class forked {
public:
    template <class F, class... A>
    explicit forked(F f, A&&... a)
    {
        const auto call = detail::make_call(f, std::forward<A>(a)...);
        core_ = std::make_shared<detail::process_core>(io_.get_executor(), nullptr, call.name,
                                                       call.name);
        error_code ec;
        const auto sent = core_->open_channel(call, spawn_options(), "settings", ec);
        BOOST_REQUIRE(!ec);
        const int channel = sent.front();
        BOOST_REQUIRE(::pipe2(output_, O_CLOEXEC) == 0);
        pid_ = ::fork();
        if (pid_ == 0)
            be_child(channel);
        ::close(channel);
        ::close(output_[1]);
        core_->started(1, pid_, static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    }

    forked(const forked&) = delete;
    forked& operator=(const forked&) = delete;

    ~forked()
    {
        end();
        ::close(output_[0]);
    }

    /// What it wrote to standard error and output, until it closed them.
    std::string output()
    {
        std::string text;
        char buffer[4096];
        for (ssize_t got = 0; (got = ::read(output_[0], buffer, sizeof buffer)) > 0;)
            text.append(buffer, static_cast<std::size_t>(got));
        return text;
    }

    /// Waits for its first line.
    std::string line()
    {
        std::string text;
        char c = 0;
        while (::read(output_[0], &c, 1) == 1 && c != '\n')
            text.push_back(c);
        return text;
    }

    void end()
    {
        if (reaped_)
            return;
        reaped_ = true;
        int status = 0;
        BOOST_REQUIRE(::waitpid(pid_, &status, 0) == pid_);
        supervision::exit_report report;
        report.signalled = WIFSIGNALED(status);
        report.number = report.signalled ? WTERMSIG(status) : WEXITSTATUS(status);
        core_->exited(report);
    }

    template <class R = void>
    process<R> handle() const
    {
        return process<R>(core_);
    }

    template <class R>
    R result()
    {
        auto future = handle<R>().result(boost::asio::use_future);
        end();
        io_.restart();
        io_.run();
        return future.get();
    }

    exit_info wait()
    {
        auto future = handle().wait(boost::asio::use_future);
        end();
        io_.restart();
        io_.run();
        return future.get();
    }

    pid_t pid() const { return pid_; }
    boost::asio::io_context& io() { return io_; }
    detail::process_core& core() { return *core_; }

private:
    [[noreturn]] void be_child(int channel)
    {
        ::dup2(output_[1], STDOUT_FILENO);
        ::dup2(output_[1], STDERR_FILENO);
        // The test framework has handlers of its own; spawned processes begin without.
        for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
            ::signal(number, SIG_DFL);
        supervision::child_start start;
        start.descriptors = {channel};
        ::_exit(supervision::function_entry(start));
    }

    boost::asio::io_context io_;
    std::shared_ptr<detail::process_core> core_;
    int output_[2] = {-1, -1};
    pid_t pid_ = -1;
    bool reaped_ = false;
};

/// What result() throws, if it is of that kind.
template <class Error, class R>
std::optional<Error> thrown_by(forked& child)
{
    try {
        static_cast<void>(child.result<R>());
    } catch (const Error& e) {
        return e;
    }
    return std::nullopt;
}

} // namespace zproc::test
