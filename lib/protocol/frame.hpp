#pragma once

#include "protocol/layout.hpp"

#include <zproc/error.hpp>

#include <memory>
#include <optional>
#include <string>

namespace zproc::protocol {

/// One frame in the receiver's buffer; the body is a view into it.
struct frame {
    std::uint32_t correlation = 0;
    operation code{};
    std::uint16_t status = 0; ///< 0, or the number of an errc
    bytes_view body;

    error_code error() const
    {
        return status == 0 ? error_code() : make_error_code(static_cast<errc>(status));
    }
};

/// Cuts a stream of bytes into frames, in place.
///
///     auto room = parser.prepare(4096);      // read into it
///     parser.commit(n);
///     while (parser.next(f) == frame_parser::found) …   // f is valid until prepare()
class frame_parser {
public:
    enum result { found, incomplete, failed };

    explicit frame_parser(std::uint32_t max_body) : max_body_(max_body) {}

    /// At least `wanted` bytes to read into; more when the frame at hand needs them.
    std::span<std::byte> prepare(std::size_t wanted);
    void commit(std::size_t bytes);

    /// The next complete frame. `failed` is final: `error()` says why, and `out` keeps the
    /// correlation and the operation of the header at fault, to answer it.
    result next(frame& out);
    /// The frame just found comes again with the next call of `next`, as if it had not been found.
    void put_back();

    /// The 12 bytes that come next, if they are there.
    std::optional<std::span<const std::byte, header_bytes>> header() const
    {
        if (buffered() < header_bytes)
            return std::nullopt;
        return std::span<const std::byte, header_bytes>(data_.get() + begin_, header_bytes);
    }

    error_code error() const { return error_; }
    void set_limit(std::uint32_t max_body) { max_body_ = max_body; }
    std::size_t buffered() const { return end_ - begin_; }
    std::size_t capacity() const { return capacity_; }

private:
    std::unique_ptr<std::byte[]> data_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t found_ = 0; ///< bytes of the frame just found
    std::uint32_t max_body_;
    error_code error_;
};

/// Writes a header with the length still open; returns where it begins in `out`.
std::size_t begin_frame(buffer& out, std::uint32_t correlation, operation code,
                        std::uint16_t status = 0);
/// Closes the frame that began at `at`: everything written since is its body.
void end_frame(buffer& out, std::size_t at);

/// A reply that failed: the status, and a text as body that says what the code cannot.
void write_error(buffer& out, std::uint32_t correlation, operation code, error_code ec,
                 std::string_view text = {});
/// The text of a failed reply; empty when its body is something else (a conflict).
std::string error_text(bytes_view body);

} // namespace zproc::protocol
