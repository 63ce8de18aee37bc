#pragma once

#include "protocol/messages.hpp"

#include <zproc/detail/recycled_memory.hpp>
#include <zproc/error.hpp>

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace zproc::client {

/// One request under way. Pure: it writes itself into a frame, as often as the connection has to
/// be made again, and is told how it ended, once.
class call : public detail::recycled {
public:
    explicit call(bool mutation) noexcept : mutation_(mutation) {}
    call(const call&) = delete;
    call& operator=(const call&) = delete;
    virtual ~call() = default;

    bool is_mutation() const noexcept { return mutation_; }

    /// Mutations made after it are not written before it is answered: were the connection to
    /// break in between, it would be asked again, and answer of a later time than they were made.
    virtual bool is_fence() const noexcept { return false; }

    /// Of an atomic function that has the turn: written before what is queued, and not held back.
    virtual bool is_urgent() const noexcept { return false; }

    /// It waits for others as long as that takes, and the server for its turn: the time limit is
    /// one of the server's silence.
    virtual bool is_patient() const noexcept { return false; }

    /// What must live until this is answered, whatever handles its user drops meanwhile.
    void keep(std::shared_ptr<const void> what) noexcept { kept_ = std::move(what); }

    /// Appends the whole frame. `by` is filled in for mutations.
    virtual void write(protocol::buffer& out, std::uint32_t correlation,
                       const protocol::mutation& by) = 0;

    /// `body` is valid during the call; `ec` may come with a body (a conflict).
    virtual void done(error_code ec, protocol::bytes_view body) = 0;

private:
    bool mutation_;
    std::shared_ptr<const void> kept_;
};

} // namespace zproc::client
