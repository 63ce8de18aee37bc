#pragma once

#include "protocol/messages.hpp"
#include "value/msgpack.hpp"

#include <zproc/error.hpp>

/// Reading and writing the body of a frame: a MessagePack array per struct, a field per element.
namespace zproc::protocol {

class body_writer {
public:
    explicit body_writer(buffer& out) : out_(out) {}

    body_writer& list(std::size_t count);
    body_writer& put(std::uint64_t number);
    body_writer& put_signed(std::int64_t number);
    body_writer& flag(bool yes);
    body_writer& text(std::string_view text);
    body_writer& bytes(bytes_view bytes);                         ///< as binary
    body_writer& value(bytes_view encoded);                       ///< as it is
    body_writer& maybe(const std::optional<bytes_view>& encoded); ///< a list of none or one
    body_writer& by(const mutation& m);
    body_writer& texts(const std::vector<std::string_view>& texts);
    body_writer& items(const std::vector<present>& items);

private:
    msgpack::writer out_;
};

/// The first error sticks and everything after it reads as empty, so that a decoder is a list of
/// fields with one question at its end.
class body_reader {
public:
    body_reader(bytes_view body, const limits& within) : in_(body), within_(within) {}

    void list(std::size_t count); ///< exactly so many elements
    /// A list of any length; never more elements than bytes are left.
    std::size_t list();
    std::uint64_t number();
    std::uint32_t number32();
    std::int64_t signed_number();
    bool flag();
    std::string_view text();
    std::string_view key();
    std::string_view name_space();
    bytes_view bytes();
    bytes_view value();
    bytes_view amount(); ///< a value that is a number
    std::optional<bytes_view> maybe();
    mutation by();
    void texts(std::vector<std::string_view>& out);
    void keys(std::vector<std::string_view>& out);
    void items(std::vector<present>& out);

    bool good() const { return !error_.failed(); }
    void fail(errc code);
    /// The verdict: nothing may be left over.
    error_code finish();

private:
    /// What was just taken from the body; empty when it was not what the message needs.
    template <class T>
    T checked(T taken);

    msgpack::reader in_;
    const limits& within_;
    error_code error_;
};

} // namespace zproc::protocol
