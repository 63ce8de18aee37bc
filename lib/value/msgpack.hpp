#pragma once

#include <zproc/error.hpp>
#include <zproc/value.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

/// MessagePack as zproc writes it.
///
/// Canonical: integers and lengths in the shortest form, integers from 0 up as unsigned ones,
/// doubles always as float 64, dict keys strictly ascending by their bytes; bytes as bin; an object
/// as ext type 1 holding the array [type as str, archive as bin]. So equal values have equal bytes.
/// Source: https://github.com/msgpack/msgpack/blob/master/spec.md
namespace zproc::msgpack {

inline constexpr std::int8_t object_extension = 1;

/// Units: nested lists and dicts (a number has depth 0); bytes of the encoding.
struct limits {
    std::size_t depth = 64;
    std::size_t size = std::size_t{1} << 20;
};

/// Appends single items to a buffer. Length checks are the caller's: nothing here exceeds 32 bits.
class writer {
public:
    explicit writer(bytes& out) noexcept : out_(out) {}

    void write_nil();
    void write_bool(bool flag);
    void write_uint(std::uint64_t number);
    void write_int(std::int64_t number);
    void write_double(double number);
    void write_str(std::string_view text);
    void write_bin(std::span<const std::byte> run);
    void write_array_header(std::size_t count);
    void write_map_header(std::size_t count);
    void write_ext_header(std::int8_t type, std::size_t size);

    /// Encoded items as they are, a stored value for one.
    void write_raw(std::span<const std::byte> items);

    bytes& out() noexcept { return out_; }

private:
    template <class Number>
    void tagged(std::uint8_t tag, Number number);
    void append(const void* from, std::size_t size);

    bytes& out_;
};

/// Takes single items from a span. After the first error it stays failed: everything reads as
/// zero or empty, and `error()` says what was wrong, so that checking once at the end is enough.
/// Text and bytes are views into the span.
class reader {
public:
    explicit reader(std::span<const std::byte> from) noexcept : rest_(from) {}

    bool ok() const noexcept { return !failed_; }
    error_code error() const noexcept;
    std::size_t remaining() const noexcept { return rest_.size(); }
    bool at_end() const noexcept { return rest_.empty(); }
    std::span<const std::byte> rest() const noexcept { return rest_; }

    /// The kind of the next item (`object` for the object extension); null at the end or after an
    /// error.
    value_kind next_kind() const noexcept;
    bool next_is_nil() const noexcept;

    void read_nil() noexcept;
    bool read_bool() noexcept;
    std::uint64_t read_uint() noexcept;
    std::int64_t read_int() noexcept;
    double read_double() noexcept;
    std::string_view read_str() noexcept;
    std::span<const std::byte> read_bin() noexcept;

    /// The count of what follows; never more than the bytes that are left could hold.
    std::size_t read_array_header() noexcept;
    std::size_t read_map_header() noexcept;

    /// Fails unless an array of exactly `count` elements follows.
    void expect_array(std::size_t count) noexcept;

    /// The size of an extension's content, and its type.
    std::size_t read_ext_header(std::int8_t& type) noexcept;

    /// One whole value as its bytes, checked to be canonical and within the limits.
    std::span<const std::byte> read_raw(const limits& allowed = {}) noexcept;

    /// Passes over bytes that were looked at through `rest()`.
    void skip(std::size_t size) noexcept { take_run(size); }

    /// Fails unless everything has been read.
    void expect_end() noexcept;

    void fail(errc reason = errc::malformed_value) noexcept;

private:
    template <class Number>
    Number take() noexcept;
    std::span<const std::byte> take_run(std::size_t size) noexcept;
    std::size_t counted(std::size_t count, std::size_t bytes_each) noexcept;

    std::span<const std::byte> rest_;
    errc reason_{};
    bool failed_ = false;
};

/// Appends the canonical encoding; on an error `out` is as before.
///
/// Errors: `errc::value_too_deep`, `errc::too_large`.
error_code encode(const value& content, bytes& out, const limits& allowed = {});

/// Decodes exactly one value that fills `from`. Also takes what is not canonical (other writers),
/// except a key that occurs twice.
///
/// Errors: `errc::malformed_value`, `errc::value_too_deep`, `errc::too_large`,
/// `errc::not_representable` for integers beyond `std::int64_t`. Then `out` is null.
error_code decode(std::span<const std::byte> from, value& out, const limits& allowed = {});

/// Checks that `from` is exactly one canonical value within the limits, without building it.
///
/// Errors: as `decode`; `errc::malformed_value` also for what is not canonical.
/// Complexity: one pass, no allocation.
error_code validate(std::span<const std::byte> from, const limits& allowed = {});

} // namespace zproc::msgpack
