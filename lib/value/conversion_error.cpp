#include "value/access.hpp"

#include <zproc/value.hpp>

namespace zproc::detail {

namespace {

std::string text_of(const std::string& what, const std::string& path)
{
    return path.empty() ? what : what + ", at " + path;
}

} // namespace

std::string describe(const value& content)
{
    std::string name(to_string(content.kind()));
    if (const object* held = content.get_if<object>())
        name += " '" + held->type + "'";
    return name;
}

conversion_error::conversion_error(error_code code, std::string what, std::string path)
    : system_error(code, text_of(what, path)), what_(std::move(what)), path_(std::move(path))
{
}

conversion_error conversion_error::at(std::string_view key) const
{
    return at_path(path_step(key));
}

conversion_error conversion_error::at(std::size_t index) const
{
    return at_path(path_step(index));
}

conversion_error conversion_error::at_path(const std::string& outer) const
{
    return {code(), what_, outer + path_};
}

conversion_error conversion_error::in(const std::string& type) const
{
    return {code(), text_of(what_, path_) + ", in '" + type + "'", {}};
}

std::string path_step(std::string_view key)
{
    return value(key).to_json().insert(0, "[") + ']';
}

std::string path_step(std::size_t index)
{
    return '[' + std::to_string(index) + ']';
}

void throw_mismatch(const value& content, std::string_view wanted)
{
    if (value_access::is_absent(content))
        throw conversion_error(errc::no_such_key, "wanted: " + std::string(wanted));
    throw conversion_error(errc::type_mismatch,
                           "held: " + describe(content) + ", wanted: " + std::string(wanted));
}

void throw_not_representable(const value& content, std::string_view wanted)
{
    throw conversion_error(errc::not_representable,
                           content.is_number()
                               ? content.to_json() + " as " + std::string(wanted)
                               : describe(content) + " of " + std::to_string(content.size()) +
                                     " as " + std::string(wanted));
}

void throw_out_of_range(std::string_view number)
{
    throw conversion_error(errc::not_representable, std::string(number) + " as int64");
}

} // namespace zproc::detail
