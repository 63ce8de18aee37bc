#pragma once

#include <zproc/progress_stream.hpp>
#include <zproc/swarm_progress.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace zproc {

/// Draws progress in the last line of a terminal: of standard error, if that is one. Elsewhere
/// nothing is ever written.
///
/// Lifetime: its destruction leaves the last line as it is, and goes to the next.
/// Thread safety: one bar is for one thread at a time.
/// Source: ioctl_tty(2), TIOCGWINSZ. Example file: example/swarm.cpp
class progress_bar {
public:
    explicit progress_bar(std::string title = {});
    progress_bar(std::string title, int descriptor);
    progress_bar(const progress_bar&) = delete;
    progress_bar& operator=(const progress_bar&) = delete;
    ~progress_bar() { finish(); }

    /// Whether there is a terminal to draw on.
    bool is_visible() const noexcept { return visible_; }

    /// At most twenty times a second; the last is there when it is over, or finished. It blocks
    /// while the terminal takes nothing.
    void draw(const swarm_progress& at,
              std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now());

    /// Goes to the next line. What is drawn later begins a line of its own.
    void finish() noexcept;

private:
    void write(const swarm_progress& at);

    std::string title_;
    int descriptor_;
    bool visible_;
    bool drawn_ = false;
    std::optional<swarm_progress> left_out_;
    std::chrono::steady_clock::time_point last_;
};

/// Draws what the stream yields, to its end; without a terminal it only waits for the end.
///
/// Per-operation cancellation and errors: as `progress_stream::next`.
asio::awaitable<void> show_progress(progress_stream progress, std::string title = {});

} // namespace zproc
