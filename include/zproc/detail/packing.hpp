#pragma once

#include <zproc/detail/crossing.hpp>
#include <zproc/error.hpp>

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <streambuf>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace zproc::detail {

// Arguments and results between two processes of the same program. What is plain is copied; the
// rest goes through Boost.Serialization, whose archives cost some 300 ns each before they do
// anything. Archives trust what they read: these come from our own parent or child only.

/// What crosses as its bytes.
template <class T>
inline constexpr bool crosses_plainly = std::is_arithmetic_v<T> || std::is_enum_v<T>;

template <class T>
inline constexpr bool is_plain_vector = false;

template <class T>
inline constexpr bool is_plain_vector<std::vector<T>> =
    crosses_plainly<T> && !std::is_same_v<T, bool>;

class packer {
public:
    template <class T>
    void put(const T& value)
    {
        check_crossing<T>();
        if constexpr (crosses_plainly<T>) {
            append(&value, sizeof value);
        } else if constexpr (std::is_same_v<T, std::string>) {
            put_sized(value.data(), value.size());
        } else if constexpr (is_plain_vector<T>) {
            put_sized(value.data(), value.size() * sizeof(typename T::value_type));
        } else {
            const auto at = out_.size();
            const std::uint64_t later = 0;
            append(&later, sizeof later);
            appender buffer(out_);
            {
                boost::archive::binary_oarchive archive(buffer, flags);
                archive << value;
            }
            const std::uint64_t size = out_.size() - at - sizeof later;
            std::memcpy(out_.data() + at, &size, sizeof size);
        }
    }

    std::string take() noexcept { return std::move(out_); }

    static constexpr unsigned flags = boost::archive::no_header | boost::archive::no_codecvt;

private:
    class appender : public std::streambuf {
    public:
        explicit appender(std::string& out) : out_(out) {}

    protected:
        std::streamsize xsputn(const char* data, std::streamsize size) override
        {
            out_.append(data, static_cast<std::size_t>(size));
            return size;
        }

        int_type overflow(int_type c) override
        {
            if (!traits_type::eq_int_type(c, traits_type::eof()))
                out_.push_back(traits_type::to_char_type(c));
            return traits_type::not_eof(c);
        }

    private:
        std::string& out_;
    };

    void append(const void* data, std::size_t size)
    {
        out_.append(static_cast<const char*>(data), size);
    }

    void put_sized(const void* data, std::size_t size)
    {
        const std::uint64_t written = size;
        append(&written, sizeof written);
        if (size != 0)
            append(data, size);
    }

    std::string out_;
};

class unpacker {
public:
    explicit unpacker(std::string_view bytes) noexcept : rest_(bytes) {}

    template <class T>
    void get(T& value)
    {
        check_crossing<T>();
        if constexpr (std::is_same_v<T, bool>) {
            value = take(1).front() != 0;
        } else if constexpr (crosses_plainly<T>) {
            std::memcpy(&value, take(sizeof value).data(), sizeof value);
        } else if constexpr (std::is_same_v<T, std::string>) {
            value = take_sized();
        } else if constexpr (is_plain_vector<T>) {
            using element = typename T::value_type;
            const auto bytes = take_sized();
            if (bytes.size() % sizeof(element) != 0)
                fail();
            value.resize(bytes.size() / sizeof(element));
            if (!bytes.empty())
                std::memcpy(value.data(), bytes.data(), bytes.size());
        } else {
            viewer buffer(take_sized());
            boost::archive::binary_iarchive archive(buffer, packer::flags);
            archive >> value;
        }
    }

    bool empty() const noexcept { return rest_.empty(); }
    std::string_view rest() const noexcept { return rest_; }

    [[noreturn]] static void fail() { throw system_error(errc::not_serializable); }

private:
    class viewer : public std::streambuf {
    public:
        explicit viewer(std::string_view bytes)
        {
            auto* const first = const_cast<char*>(bytes.data());
            setg(first, first, first + bytes.size());
        }
    };

    std::string_view take(std::uint64_t size)
    {
        if (size > rest_.size())
            fail();
        const auto taken = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(taken.size());
        return taken;
    }

    std::string_view take_sized()
    {
        std::uint64_t size = 0;
        std::memcpy(&size, take(sizeof size).data(), sizeof size);
        return take(size);
    }

    std::string_view rest_;
};

/// Errors: `errc::not_serializable`, also for whatever else the type's own code throws.
template <class Step>
void with_archive_errors(Step step)
{
    try {
        step();
    } catch (const system_error&) {
        throw;
    } catch (const std::exception& e) {
        throw system_error(errc::not_serializable, e.what());
    }
}

template <class T>
inline constexpr bool is_tuple = false;

template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;

/// A value, or each element of a tuple in turn, as bytes.
template <class T>
std::string pack(const T& value)
{
    packer out;
    with_archive_errors([&] {
        if constexpr (is_tuple<T>)
            std::apply([&](const auto&... each) { (out.put(each), ...); }, value);
        else
            out.put(value);
    });
    return out.take();
}

/// The inverse; bytes that are cut short, or left over, are an error.
template <class T>
T unpack(std::string_view bytes)
{
    T value{};
    with_archive_errors([&] {
        unpacker in(bytes);
        if constexpr (is_tuple<T>)
            std::apply([&](auto&... each) { (in.get(each), ...); }, value);
        else
            in.get(value);
        if (!in.empty())
            unpacker::fail();
    });
    return value;
}

} // namespace zproc::detail
