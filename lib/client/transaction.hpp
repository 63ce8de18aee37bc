#pragma once

#include "client/connection.hpp"
#include "protocol/messages.hpp"

#include <zproc/detail/engine.hpp>
#include <zproc/draft.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace zproc::client {

/// One atomic function on its way to its commit.
///
///     run ──(a key is missing)──► fetch ──► run
///      └────(it came to its end)► commit ──(conflict: present values)──► run
///                                   └──► complete
///
/// `run` happens on the handler's executor, the first time within the initiation; the rest on the
/// strand. A function that throws, or only reads, has its reads validated by a commit without
/// writes, unless they all came at one revision.
class transaction : public std::enable_shared_from_this<transaction> {
public:
    /// Executors of the engine, which lives as long as this, and empties them when the loop goes.
    using executor_of_engine = std::shared_ptr<const asio::any_io_executor>;

    transaction(executor_of_engine io, executor_of_engine strand, std::weak_ptr<connection> server,
                const detail::state_identity& from, std::unique_ptr<detail::transaction_body> body);

    void start();

private:
    struct read_call;
    struct commit_call;

    void run();
    bool loop_is_gone();
    void fetch();
    void fetched(error_code ec, protocol::bytes_view body);
    void commit();
    void committed(error_code ec, protocol::bytes_view body);
    error_code learn(const std::vector<protocol::present>& items);
    void run_again();
    void submit(std::unique_ptr<call> what);
    void cancel(bool terminal);
    void finish(error_code ec);
    void finish(std::exception_ptr e);

    executor_of_engine io_;
    executor_of_engine strand_;
    std::weak_ptr<connection> server_;
    std::string name_space_;
    std::uint32_t handle_;
    std::unique_ptr<detail::transaction_body> body_;

    // Touched by `run` and by the strand, in turns.
    detail::draft_source source_;
    std::vector<std::string> wanted_;
    bool wants_all_ = false;
    unsigned fetches_ = 0; ///< at different revisions, of what `source_` holds
    bool scanned_ = false;
    std::vector<detail::draft_read> reads_;
    std::vector<std::pair<std::string, std::optional<protocol::buffer>>> writes_;
    std::exception_ptr thrown_;

    // On the strand.
    multiplexer::ticket ticket_ = 0;
    bool committing_ = false;
    bool cancelled_ = false;
    bool finished_ = false;
};

} // namespace zproc::client
