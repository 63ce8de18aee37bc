#include "supervisor/last_lines.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <mutex>
#include <streambuf>
#include <utility>

#include <sys/types.h>
#include <unistd.h>

namespace zproc::supervision {
namespace {

constexpr std::size_t room = 4096;

// What the handler of a fault reads; whoever writes holds the mutex.
std::array<char, room> remembered{};
std::atomic<std::size_t> written{0};

std::mutex& mutex()
{
    static auto* const only = new std::mutex;
    return *only;
}

void remember(std::string_view text)
{
    const std::lock_guard lock(mutex());
    auto at = written.load(std::memory_order_relaxed);
    if (text.size() > room) {
        at += text.size() - room;
        text.remove_prefix(text.size() - room);
    }
    for (const char each : text)
        remembered[at++ % room] = each;
    written.store(at, std::memory_order_release);
}

bool write_all(std::string_view text) noexcept
{
    while (!text.empty()) {
        const auto count = ::write(STDERR_FILENO, text.data(), text.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

/// Unbuffered, as std::cerr is.
class remembering_buffer final : public std::streambuf {
    std::streamsize xsputn(const char* text, std::streamsize size) override
    {
        const std::string_view all(text, static_cast<std::size_t>(size));
        remember(all);
        return write_all(all) ? size : 0;
    }

    int_type overflow(int_type c) override
    {
        if (traits_type::eq_int_type(c, traits_type::eof()))
            return traits_type::not_eof(c);
        const char one = traits_type::to_char_type(c);
        return xsputn(&one, 1) == 1 ? c : traits_type::eof();
    }
};

ssize_t write_and_remember(void*, const char* text, std::size_t size)
{
    const std::string_view all(text, size);
    remember(all);
    return write_all(all) ? static_cast<ssize_t>(size) : 0; // 0: an error, says fopencookie(3)
}

} // namespace

void remember_last_lines()
{
    static bool done = false; // perhaps by who forked this process
    if (std::exchange(done, true))
        return;
    static auto* const buffer = new remembering_buffer;
    std::cerr.rdbuf(buffer);
    std::clog.rdbuf(buffer);
    cookie_io_functions_t functions{};
    functions.write = &write_and_remember;
    if (std::FILE* const stream = ::fopencookie(nullptr, "w", functions)) {
        std::setvbuf(stream, nullptr, _IONBF, 0);
        stderr = stream;
    }
}

remembered_lines last_lines() noexcept
{
    const auto end = written.load(std::memory_order_acquire);
    if (end <= room)
        return {{remembered.data(), end}, {}};
    const auto cut = end % room;
    return {{remembered.data() + cut, room - cut}, {remembered.data(), cut}};
}

} // namespace zproc::supervision
