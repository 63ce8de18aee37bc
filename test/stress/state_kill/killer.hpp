#pragma once

#include "stress/state_kill/round.hpp"

#include <cstdio>
#include <random>
#include <string>

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/// The process that kills the state process: at random moments, right after its birth, while it
/// replaces a ring, after it was frozen for a while.
namespace zproc::test::killing {

class killer {
public:
    explicit killer(unsigned seed) : random_(seed) {}

    /// Kills as often as the plan says, and returns when there is a successor of the last victim.
    void run()
    {
        unsigned seen = 0;
        for (unsigned i = 0; i != round_plan.kills; ++i) {
            seen = await_life(seen);
            if (seen == 0)
                return;
            kill_one();
        }
        await_life(seen);
    }

private:
    /// The number of a run after that one; 0 when there is none to come.
    unsigned await_life(unsigned seen)
    {
        for (int i = 0; i != 600'000 && !page->lost; ++i) {
            if (const unsigned now = page->life; now != seen)
                return now;
            pause(50);
        }
        return 0;
    }

    void kill_one()
    {
        const int pid = page->server;
        const auto way = random_() % (round_plan.replacing ? 10 : 6);
        if (way == 0) {
            ++page->at_birth;
        } else if (way == 1) {
            pause(random_() % 3000); // while it recovers, or greets
        } else if (way == 2) {
            pause(random_() % 20'000);
            ::kill(pid, SIGSTOP); // clients see one that hangs
            pause(random_() % 20'000);
        } else if (way < 6) {
            // Over a bad road it takes a while to get anything done.
            pause(random_() % (round_plan.on == road::bad_tcp ? 500'000 : 60'000));
        } else if (await_replacement(pid)) {
            ++page->in_replacement;
            spin(random_() % 300);
        }
        if (::kill(pid, SIGKILL) == 0)
            ++page->kills;
    }

    /// Two rings are mapped: one is being copied to the other, or has just been.
    bool await_replacement(int pid)
    {
        const auto path = "/proc/" + std::to_string(pid) + "/maps";
        for (int i = 0; i != 2000; ++i) {
            const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
            if (file < 0)
                return false;
            std::string text;
            char part[4096];
            for (ssize_t n; (n = ::read(file, part, sizeof part)) > 0;)
                text.append(part, static_cast<std::size_t>(n));
            ::close(file);
            const auto first = text.find("memfd:zproc-ring");
            if (first != text.npos && text.find("memfd:zproc-ring", first + 1) != text.npos)
                return true;
        }
        return false;
    }

    static void pause(unsigned long microseconds)
    {
        const timespec time{static_cast<time_t>(microseconds / 1'000'000),
                            static_cast<long>(microseconds % 1'000'000) * 1000};
        ::nanosleep(&time, nullptr);
    }

    static void spin(unsigned long microseconds)
    {
        timespec start{};
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &start);
        do
            ::clock_gettime(CLOCK_MONOTONIC, &now);
        while ((now.tv_sec - start.tv_sec) * 1'000'000 + (now.tv_nsec - start.tv_nsec) / 1000 <
               static_cast<long>(microseconds));
    }

    std::mt19937 random_;
};

} // namespace zproc::test::killing
