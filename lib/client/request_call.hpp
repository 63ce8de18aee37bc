#pragma once

#include "client/call.hpp"

#include <zproc/detail/engine.hpp>

#include <boost/container/small_vector.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace zproc::client {

/// A state operation on its way: what the handle asked, in the words of the protocol, and back.
class request_call final : public call {
public:
    /// Encodes the values; null, with `ec`, when one is too deep or too large.
    static std::unique_ptr<request_call> make(const detail::state_identity& from,
                                              detail::request&& r,
                                              std::unique_ptr<detail::pending>& p,
                                              asio::any_io_executor io, error_code& ec);

    request_call(const detail::state_identity& from, detail::request&& r, asio::any_io_executor io);

    /// What is changed after it through the same context is changed after that revision.
    bool is_fence() const noexcept override { return what_ == detail::operation::revision; }
    void write(protocol::buffer& out, std::uint32_t correlation,
               const protocol::mutation& by) override;
    void done(error_code ec, protocol::bytes_view body) override;

private:
    /// Most values are small enough to lie in the call itself.
    using small_buffer = boost::container::small_vector<std::byte, 32>;

    static error_code encode(const value& from, small_buffer& to);
    std::optional<protocol::bytes_view> optional_value(const small_buffer& bytes) const;
    std::vector<protocol::entry> entries() const;
    error_code read(protocol::bytes_view body, detail::response& r) const;
    error_code read_mutation(protocol::bytes_view body, detail::response& r) const;

    detail::operation what_;
    std::uint32_t handle_;
    std::string name_space_;
    std::string key_;
    small_buffer first_; ///< empty: absent
    small_buffer second_;
    std::vector<std::pair<std::string, protocol::buffer>> entries_;
    std::unique_ptr<detail::pending> pending_;
    asio::any_io_executor io_;
};

} // namespace zproc::client
