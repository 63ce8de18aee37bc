#pragma once

#include "integration/forked_root.hpp"

#include <exception>

#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace zproc::test {

/// Runs `body(check)` as a program of its own: a supervisor of its own, and the supervisor's
/// clean-up at its end. True when everything held, and nothing was lost (AddressSanitizer looks
/// for leaks itself only at an ordinary exit).
template <class Body>
bool in_a_root(Body body, unsigned seconds = 60)
{
    forked_root root([&] {
        ::alarm(seconds);
        checks check;
        static_cast<void>(supervision::prepare());
        try {
            body(check);
        } catch (const std::exception& e) {
            check(false, e.what());
        }
#if defined(__SANITIZE_ADDRESS__)
        check(__lsan_do_recoverable_leak_check() == 0, "nothing is leaked");
#endif
        return check.result();
    });
    const int status = root.wait();
    if (WIFSIGNALED(status))
        std::fprintf(stderr, "ended by signal %d\n", WTERMSIG(status));
    return status == 0;
}

} // namespace zproc::test
