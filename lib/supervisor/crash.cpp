#include "supervisor/crash.hpp"

#include "process_number.hpp"
#include "supervisor/call_message.hpp"
#include "supervisor/channel.hpp"
#include "supervisor/last_lines.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include <execinfo.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

namespace zproc::supervision {

namespace {

constexpr std::size_t handler_stack = 256 * 1024; // the unwinder is hungry

// Everything the handler needs, made before it runs.
int crash_channel = -1;
std::array<char, 256> crash_title{};
const crash_text* crash_endings = nullptr;

void write_text(const char* text) noexcept
{
    const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
    static_cast<void>(written);
}

void write_number(std::uint64_t value, unsigned base) noexcept
{
    std::array<char, 24> digits{};
    auto at = digits.size() - 1;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    write_text(digits.data() + at);
}

void send_last_lines() noexcept
{
    const auto lines = last_lines();
    if (lines.first.empty())
        return;
    std::array<std::uint32_t, 2> header{static_cast<std::uint32_t>(packet_kind::last_lines), 0};
    std::array<iovec, 3> parts{
        iovec{header.data(), sizeof header},
        iovec{const_cast<char*>(lines.first.data()), lines.first.size()},
        iovec{const_cast<char*>(lines.second.data()), lines.second.size()},
    };
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    ::sendmsg(crash_channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void write_ending(int number) noexcept
{
    const auto& text = *crash_endings;
    const auto* line = &text.otherwise;
    for (const auto each : text.permitted)
        if (each == number) {
            timespec t{};
            ::clock_gettime(CLOCK_MONOTONIC, &t);
            const auto now = std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
            line = now >= text.late_at ? &text.late : &text.early;
        }
    if (line->empty())
        return;
    write_text("  ");
    write_text(line->c_str());
    write_text("\n");
}

/// Where the program was interrupted; 0 where we do not know the machine.
std::uintptr_t interrupted_at(const void* context) noexcept
{
#if defined(__x86_64__)
    const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
    return static_cast<std::uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
    return static_cast<const ucontext_t*>(context)->uc_mcontext.pc;
#else
    static_cast<void>(context);
    return 0;
#endif
}

/// Only what signal-safety(7) allows, and backtrace(), which has been called before.
void on_fault(int number, siginfo_t* info, void* context)
{
    const int saved = errno;
    ::signal(number, SIG_DFL);
    ::signal(SIGPIPE, SIG_IGN); // a reader of our output that is gone is not what we die of

    crash_record record;
    record.signal = number;
    record.code = info->si_code;
    const bool raised = info->si_code <= 0; // by kill, raise, abort: then there is no address
    record.address = raised ? 0 : reinterpret_cast<std::uintptr_t>(info->si_addr);
    std::array<void*, crash_record::max_frames> frames{};
    const auto count =
        static_cast<std::size_t>(::backtrace(frames.data(), static_cast<int>(frames.size())));
    // The first frames are this handler's.
    std::size_t first = 0;
    const auto place = interrupted_at(context);
    for (std::size_t i = 0; i != count; ++i)
        if (reinterpret_cast<std::uintptr_t>(frames[i]) == place)
            first = i;
    for (auto i = first; i != count; ++i)
        record.frames[record.count++] = frames[i];
    // The rest are return addresses, which lie one byte behind their function's.
    if (first != 0)
        record.frames[0] = static_cast<char*>(record.frames[0]) + 1;

    std::array<std::uint32_t, 2> header{static_cast<std::uint32_t>(packet_kind::crash), 0};
    std::array<iovec, 2> parts{iovec{header.data(), sizeof header}, iovec{&record, sizeof record}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    ::sendmsg(crash_channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    send_last_lines();

    write_text(crash_title.data());
    const char* const name = ::sigabbrev_np(number);
    const char* const meaning = ::sigdescr_np(number);
    write_text("SIG");
    write_text(name != nullptr ? name : "?");
    write_text(meaning != nullptr ? " (" : "");
    write_text(meaning != nullptr ? meaning : "");
    write_text(meaning != nullptr ? ")" : "");
    if (!raised) {
        write_text(" at address 0x");
        write_number(record.address, 16);
    }
    write_text("\n");
    ::backtrace_symbols_fd(record.frames.data(), static_cast<int>(record.count), STDERR_FILENO);
    write_ending(number);

    errno = saved;
    // A fault happens again when this returns, now without a handler; a raised signal has to be
    // raised again, and comes when this one is no longer blocked.
    if (raised)
        ::raise(number);
}

void use_own_stack()
{
    stack_t now{};
    if (::sigaltstack(nullptr, &now) == 0 && (now.ss_flags & SS_DISABLE) == 0)
        return;
    void* const memory = ::mmap(nullptr, handler_stack, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        return;
    stack_t own{};
    own.ss_sp = memory;
    own.ss_size = handler_stack;
    ::sigaltstack(&own, nullptr);
}

} // namespace

void arm_crash_handlers(int channel, std::string_view process, int owner, crash_text endings)
{
    crash_channel = channel;
    crash_endings = new crash_text(std::move(endings)); // as long as the process
    std::snprintf(crash_title.data(), crash_title.size(),
                  "zproc: process '%.*s' (pid %d, owner %d) crashed: ",
                  static_cast<int>(process.size() < 128 ? process.size() : 128), process.data(),
                  static_cast<int>(own_number()), owner);

    make_ready_for_crashes();
    for (const int number : fault_signals) {
        struct sigaction before{};
        struct sigaction action{};
        action.sa_sigaction = &on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        ::sigemptyset(&action.sa_mask);
        // Somebody else's stays, a sanitizer's for one.
        if (::sigaction(number, &action, &before) == 0 && before.sa_handler != SIG_DFL)
            ::sigaction(number, &before, nullptr);
    }
}

void make_ready_for_crashes()
{
    // The first backtrace() loads libgcc: not in a handler.
    static bool ready = false;
    if (std::exchange(ready, true))
        return;
    void* frame = nullptr;
    static_cast<void>(::backtrace(&frame, 1));
    use_own_stack();
}

} // namespace zproc::supervision
