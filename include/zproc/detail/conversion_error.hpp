#pragma once

#include <zproc/error.hpp>
#include <zproc/object.hpp>

#include <cstddef>
#include <exception>
#include <new>
#include <string>
#include <string_view>

namespace zproc {

class value;

namespace detail {

/// What a conversion throws. Each container and user's type that it passes throws it again, with
/// its own place added to the text: `held: string, wanted: int32, at ["ages"][2], in 'person'`.
class conversion_error : public system_error {
public:
    conversion_error(error_code code, std::string what)
        : conversion_error(code, std::move(what), std::string())
    {
    }

    conversion_error at(std::string_view key) const;
    conversion_error at(std::size_t index) const;
    conversion_error at_path(const std::string& outer) const;
    conversion_error in(const std::string& type) const;

private:
    conversion_error(error_code code, std::string what, std::string path);

    std::string what_;
    std::string path_; // of the containers since the last user's type
};

/// `["key"]` and `[2]`, as errors write them.
std::string path_step(std::string_view key);
std::string path_step(std::size_t index);

/// The kind of a value, and of an object its type.
std::string describe(const value& content);

[[noreturn]] void throw_mismatch(const value& content, std::string_view wanted);
[[noreturn]] void throw_not_representable(const value& content, std::string_view wanted);
[[noreturn]] void throw_out_of_range(std::string_view number);

/// Converts the element at `where`; what it throws says so.
template <class Where, class Convert>
decltype(auto) converted_at(const Where& where, Convert convert)
{
    try {
        return convert();
    } catch (const conversion_error& e) {
        throw e.at(where);
    }
}

/// Calls what a user has written for `T`; what it throws says so.
template <class T, class Convert>
auto converted_in(Convert convert)
{
    try {
        return convert();
    } catch (const conversion_error& e) {
        throw e.in(type_name<T>::get());
    } catch (const system_error& e) {
        if (e.code().category() == error_category())
            throw;
        throw conversion_error(errc::malformed_value, e.what()).in(type_name<T>::get());
    } catch (const std::bad_alloc&) {
        throw;
    } catch (const std::exception& e) {
        throw conversion_error(errc::malformed_value, e.what()).in(type_name<T>::get());
    }
}

} // namespace detail
} // namespace zproc
