#include <zproc/progress_bar.hpp>

#include <boost/asio/use_awaitable.hpp>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace zproc {

namespace {

constexpr std::chrono::milliseconds between_draws{50};

bool is_terminal(int descriptor)
{
    const char* const kind = std::getenv("TERM");
    return ::isatty(descriptor) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

/// One less than there are: a full line would put the cursor on the next.
std::size_t usable_columns(int descriptor)
{
    winsize size{};
    if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 79;
    return size.ws_col - 1u;
}

void write_all(int descriptor, std::string_view text) noexcept
{
    while (!text.empty()) {
        const auto written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) // a picture: what cannot be shown is not
            return;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

} // namespace

progress_bar::progress_bar(std::string title) : progress_bar(std::move(title), STDERR_FILENO)
{
}

progress_bar::progress_bar(std::string title, int descriptor)
    : title_(std::move(title)), descriptor_(descriptor), visible_(is_terminal(descriptor))
{
}

void progress_bar::draw(const swarm_progress& at, std::chrono::steady_clock::time_point now)
{
    if (!visible_)
        return;
    if (drawn_ && !at.over && now - last_ < between_draws) {
        left_out_ = at;
        return;
    }
    last_ = now;
    write(at);
}

void progress_bar::write(const swarm_progress& at)
{
    drawn_ = true;
    left_out_.reset();
    const auto line = render_progress(at, title_, usable_columns(descriptor_));
    write_all(descriptor_, '\r' + line + "\x1b[K"); // and the rest of the line is erased
}

void progress_bar::finish() noexcept
try {
    if (left_out_)
        write(*left_out_);
    if (std::exchange(drawn_, false))
        write_all(descriptor_, "\n");
} catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): the line stays as it was
}

asio::awaitable<void> show_progress(progress_stream progress, std::string title)
{
    progress_bar bar(std::move(title));
    while (true) {
        const auto at = co_await progress.next(asio::use_awaitable);
        if (!at)
            co_return;
        bar.draw(*at);
    }
}

} // namespace zproc
