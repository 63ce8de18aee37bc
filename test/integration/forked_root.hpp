#pragma once

#include "supervisor/link.hpp"
#include "supervisor/prepare.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdio>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::test {

/// A program of its own in a test: a fork of the test program, with its standard output in a pipe
/// that the test reads line by line. Everything it starts inherits that output.
class forked_root {
public:
    explicit forked_root(const std::function<int()>& main)
    {
        int out[2];
        int orders[2];
        BOOST_REQUIRE(::pipe(out) == 0 && ::pipe(orders) == 0);
        std::cout.flush(); // or the fork writes it once more
        std::fflush(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::dup2(out[1], 1);
            ::dup2(orders[0], 0);
            for (const int each : {out[0], out[1], orders[0], orders[1]})
                ::close(each);
            const int code = main();
            std::fflush(nullptr);
            ::_exit(code);
        }
        ::close(out[1]);
        ::close(orders[0]);
        out_ = out[0];
        orders_ = orders[1];
    }

    forked_root(const forked_root&) = delete;
    forked_root& operator=(const forked_root&) = delete;

    ~forked_root()
    {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(out_);
        end_input();
    }

    pid_t pid() const { return pid_; }

    /// Its standard input ends.
    void end_input()
    {
        if (orders_ >= 0)
            ::close(orders_);
        orders_ = -1;
    }

    /// The next line; empty after ten seconds without one, or at the end of the output.
    std::string line()
    {
        for (;;) {
            if (const auto end = text_.find('\n'); end != std::string::npos) {
                auto result = text_.substr(0, end);
                text_.erase(0, end + 1);
                return result;
            }
            pollfd readable{out_, POLLIN, 0};
            char part[512];
            if (::poll(&readable, 1, 10'000) != 1)
                return {};
            const auto size = ::read(out_, part, sizeof part);
            if (size <= 0)
                return {};
            text_.append(part, static_cast<std::size_t>(size));
        }
    }

    /// Reads on to a line "<word> <number>".
    long number(std::string_view word)
    {
        for (;;) {
            const auto next = line();
            // Ends the case: what follows would send signals to a process -1.
            if (next.empty())
                BOOST_FAIL("no line '" << word << "'");
            if (next.starts_with(word) && next.size() > word.size() && next[word.size()] == ' ')
                return std::stol(next.substr(word.size() + 1));
        }
    }

    /// The wait status, once it has ended.
    int wait()
    {
        int status = -1;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return status;
    }

    /// True when it ended with code 0; what it wrote to standard error says why not.
    bool succeeds() { return wait() == 0; }

private:
    pid_t pid_ = -1;
    int out_ = -1;
    int orders_ = -1;
    std::string text_;
};

/// In a forked root or a child, where the test framework is not: counts what does not hold.
class checks {
public:
    void operator()(bool holds, const char* what)
    {
        if (holds)
            return;
        ++failed_;
        std::fprintf(stderr, "in process %d: not so: %s\n", ::getpid(), what);
    }

    int result() const { return failed_ == 0 ? 0 : 1; }

private:
    int failed_ = 0;
};

/// One line in one write, so that those of several processes do not mix.
inline void say(std::string_view word, long number)
{
    const auto text = std::string(word) + ' ' + std::to_string(number) + '\n';
    if (::write(1, text.data(), text.size()) < 0)
        ::_exit(99);
}

} // namespace zproc::test
