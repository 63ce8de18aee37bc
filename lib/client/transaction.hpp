#pragma once

#include "client/connection.hpp"
#include "client/transaction_fsm.hpp"

#include <zproc/detail/engine.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <exception>
#include <memory>
#include <string>
#include <typeindex>

namespace zproc::client {

/// Drives an atomic function to its commit, as its machine says.
///
/// The function runs on the handler's executor, the first time within the initiation; the rest
/// happens on the strand.
class transaction : public std::enable_shared_from_this<transaction> {
public:
    /// Executors of the engine, which lives as long as this, and empties them when the loop goes.
    using executor_of_engine = std::shared_ptr<const asio::any_io_executor>;

    transaction(executor_of_engine io, executor_of_engine strand, std::weak_ptr<connection> server,
                const detail::state_identity& from, std::unique_ptr<detail::transaction_body> body);

    void start();

private:
    struct request;

    void run();
    bool loop_is_gone();
    void go_on(transaction_fsm::action what);
    void ask();
    void answered(error_code ec, protocol::bytes_view body);
    void keep_turn(connection& server);
    void give_up_turn();
    void cancel(bool terminal);
    void finish(error_code ec);
    void finish(std::exception_ptr e);

    executor_of_engine io_;
    executor_of_engine strand_;
    std::weak_ptr<connection> server_;
    std::unique_ptr<detail::transaction_body> body_;
    std::string name_space_;
    std::type_index kind_; ///< the function, as far as its type tells

    // Touched by `run` and by the strand, in turns.
    transaction_fsm machine_;
    std::exception_ptr thrown_;

    // On the strand.
    multiplexer::ticket asked_ = 0;
    std::uint64_t turn_ = 0; ///< that holds back what others of the connection send
    bool committing_ = false;
    bool cancelled_ = false;
    bool finished_ = false;
};

} // namespace zproc::client
