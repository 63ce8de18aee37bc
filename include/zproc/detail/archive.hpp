#pragma once

#include <zproc/detail/conversion_error.hpp>
#include <zproc/error.hpp>
#include <zproc/object.hpp>

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <streambuf>

namespace zproc::detail {

/// Appends what is written to a buffer; Boost.Serialization wants a stream buffer.
class appending_buffer final : public std::streambuf {
public:
    explicit appending_buffer(bytes& out) : out_(out) {}

protected:
    int_type overflow(int_type next) override
    {
        if (!traits_type::eq_int_type(next, traits_type::eof()))
            out_.push_back(static_cast<std::byte>(traits_type::to_char_type(next)));
        return traits_type::not_eof(next);
    }
    std::streamsize xsputn(const char* from, std::streamsize count) override
    {
        const auto* first = reinterpret_cast<const std::byte*>(from);
        out_.insert(out_.end(), first, first + count);
        return count;
    }

private:
    bytes& out_;
};

/// Reads a span, without a copy.
class span_buffer final : public std::streambuf {
public:
    explicit span_buffer(std::span<const std::byte> from)
    {
        // a get area is never written to
        auto* first = const_cast<char*>(reinterpret_cast<const char*>(from.data()));
        setg(first, first, first + from.size());
    }
};

/// Boost.Serialization's binary archive of `content`, header included: another version of Boost
/// can tell what it reads.
template <class T>
bytes to_archive(const T& content)
{
    bytes out;
    appending_buffer buffer(out);
    boost::archive::binary_oarchive archive(buffer, boost::archive::no_codecvt);
    archive << content;
    return out;
}

/// Trusts its input as far as Boost.Serialization does: not for bytes of strangers.
///
/// Errors: `errc::malformed_value`.
template <class T>
void from_archive(std::span<const std::byte> from, T& content)
{
    try {
        span_buffer buffer(from);
        boost::archive::binary_iarchive archive(buffer, boost::archive::no_codecvt);
        archive >> content;
    } catch (const boost::archive::archive_exception& reason) {
        throw conversion_error(errc::malformed_value, reason.what());
    } catch (const std::length_error& reason) {
        throw conversion_error(errc::malformed_value, reason.what());
    } catch (const std::bad_alloc&) {
        throw conversion_error(errc::malformed_value,
                               "the archive asks for more memory than there is");
    }
}

} // namespace zproc::detail
