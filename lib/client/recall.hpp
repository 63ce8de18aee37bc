#pragma once

#include "client/feed.hpp"

#include <zproc/detail/engine.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace zproc::client {

/// One question about the past on its way: registers like a watcher, to come after what was done
/// before it, and is answered from the ring.
///
/// All functions are called on the strand.
class recall final : public feed_reader, public std::enable_shared_from_this<recall> {
public:
    struct surroundings {
        asio::any_io_executor io;
        std::shared_ptr<client::feed> feed;
        std::shared_ptr<const void> context; ///< lives until the answer
    };

    recall(surroundings around, std::string name_space, detail::past_question q,
           std::unique_ptr<detail::pending_past> p);

    /// Calls `ended` when it has been answered.
    void start(std::function<void()> ended);
    void cancel();
    /// The loop is being destroyed: nothing is told.
    std::unique_ptr<detail::pending_past> loop_gone();

    // feed_reader
    const std::string& name_space() const noexcept override { return name_space_; }
    std::vector<std::string_view> interest() const override { return {}; }
    void entered(std::uint64_t id) override { id_ = id; }
    void registering() override {}
    void registered(const protocol::watch_reply&) override;
    void awake() override;
    void failed(error_code ec) override;

private:
    error_code answer(const journal::reader& ring, detail::past_answer& a) const;
    error_code tell(const journal::reader& ring, std::uint64_t revision,
                    detail::past_answer& a) const;
    void finish(error_code ec, detail::past_answer&& a = {});

    surroundings around_;
    std::string name_space_;
    detail::past_question question_;
    std::unique_ptr<detail::pending_past> pending_;
    std::function<void()> ended_;
    std::uint64_t id_ = 0;
    bool registered_ = false;
};

} // namespace zproc::client
