#pragma once

#include "supervisor/call_message.hpp"
#include "supervisor/function_ref.hpp"
#include "swarm/blocks.hpp"
#include "swarm/control.hpp"
#include "swarm/frame.hpp"
#include "swarm/wire.hpp"

#include <zproc/detail/swarm_job.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zproc::swarming {

namespace asio = boost::asio;

/// A function of a job, with what its chunks share.
struct known_job {
    supervision::call_message message;
    supervision::resolved_function function;
    std::exception_ptr failure; ///< why it cannot be called
    std::shared_ptr<void> common;
};

/// What it is called through is that of the process; only the call is another's.
template <class Base>
class own_invocation : public Base {
public:
    own_invocation(detail::invocation& process, const supervision::call_message& message,
                   std::uintptr_t target)
        : process_(process), message_(message), target_(target)
    {
    }

    std::string_view arguments() const noexcept override { return message_.arguments; }
    std::uintptr_t target() const noexcept override { return target_; }
    context& own_context() override { return process_.own_context(); }
    std::string_view process_name() const noexcept override { return process_.process_name(); }
    std::vector<int> handed() const override { return {}; }
    void finish(std::string) override {}
    void launch(asio::awaitable<std::string>) override {}
    std::exception_ptr failure() const noexcept override { return nullptr; }
    void permit_retry() noexcept override {}
    void carry(std::string) override {}

private:
    detail::invocation& process_;
    const supervision::call_message& message_;
    std::uintptr_t target_;
};

/// Memory for results, until the owner has taken them.
class result_blocks {
public:
    struct one {
        made_block block;
        std::uint64_t busy_until = 0; ///< so many results have been taken
    };

    /// Null when there is none to be had. `taken`: results that the owner has taken.
    one* find(std::size_t size, std::uint64_t taken, wire& to);

private:
    std::list<one> all_;
    std::uint32_t last_id_ = 0;
};

/// What a worker's chunks share.
struct workbench {
    detail::invocation& process;
    std::unique_ptr<wire> socket;
    control_page page;
    detail::worker_state state;
    result_blocks results;
    std::uint64_t sent = 0;  ///< results
    std::uint64_t taken = 0; ///< of these, by the owner
};

/// A chunk, from its task to what is sent back.
class chunk_work final : public own_invocation<detail::chunk_invocation> {
public:
    chunk_work(workbench& at, std::shared_ptr<known_job> job, const frame& task,
               std::string_view items, std::string own_items);

    std::uint32_t count() const noexcept override { return count_; }
    std::string_view items() const noexcept override { return items_; }
    bool stops_at_failure() const noexcept override
    {
        return (flags_ & swarming::stops_at_failure) != 0;
    }
    const detail::chunk_marks& marks() const noexcept override { return marks_; }
    const detail::worker_state& state() const noexcept override;
    std::shared_ptr<void>& common() noexcept override { return job_->common; }
    char* bulk_results(std::size_t size) override;
    std::string& packed_results() noexcept override { return packed_; }
    void failed(std::uint32_t item, std::exception_ptr error) override;
    void stopped_after(std::uint32_t items) noexcept override { done_ = items; }
    void launch_chunk(asio::awaitable<void> body) override { body_.emplace(std::move(body)); }

    /// Runs it, or, of a coroutine, gives what is to be awaited.
    std::optional<asio::awaitable<void>> run();
    void send(std::exception_ptr broken);

    std::uint32_t job_number() const noexcept { return marks_.job; }

private:
    workbench& bench_;
    std::shared_ptr<known_job> job_;
    const std::uint32_t id_;
    const std::uint16_t flags_;
    const std::uint32_t count_;
    std::string own_items_; ///< those that came in the frame
    std::string_view items_;
    detail::chunk_marks marks_;
    std::chrono::steady_clock::time_point began_;
    std::uint32_t done_;
    std::string failure_bytes_;
    std::string packed_;
    result_blocks::one* block_ = nullptr;
    std::string bulk_;
    std::size_t bulk_size_ = 0;
    std::optional<asio::awaitable<void>> body_;
};

} // namespace zproc::swarming
