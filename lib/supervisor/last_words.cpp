#include "supervisor/last_words.hpp"

#include "supervisor/reserve.hpp"
#include "supervisor/walk.hpp"

#include <poll.h>
#include <unistd.h>

namespace zproc::supervision {

void say(std::string_view line) noexcept
{
    pollfd writable{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0)
        static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
}

std::string number_and_name(pid_t pid)
{
    const auto number = std::to_string(number_in_proc_of(pid));
    std::string name;
    if (!read_file(("/proc/" + number + "/comm").c_str(), name))
        name = "?";
    if (name.ends_with('\n'))
        name.pop_back();
    return number + " (" + name + ')';
}

void say_left(const std::string& process)
{
    say("zproc: process " + process +
        " may not be killed by this user: it runs on, and nobody waits for it\n");
}

} // namespace zproc::supervision
