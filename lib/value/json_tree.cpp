#include <zproc/json.hpp>

namespace zproc::detail {

namespace {

namespace bj = boost::json;

[[noreturn]] void not_json(const value& content)
{
    throw_mismatch(content, "what JSON has");
}

} // namespace

bj::value to_json_tree(const value& content)
{
    switch (content.kind()) {
    case value_kind::null: return nullptr;
    case value_kind::boolean: return *content.get_if<bool>();
    case value_kind::integer: return *content.get_if<std::int64_t>();
    case value_kind::real: return *content.get_if<double>();
    case value_kind::string: return bj::value(*content.get_if<std::string>());
    case value_kind::sequence: {
        const list& held = *content.get_if<list>();
        bj::array made;
        made.reserve(held.size());
        for (std::size_t i = 0; i != held.size(); ++i)
            made.push_back(converted_at(i, [&] { return to_json_tree(held[i]); }));
        return made;
    }
    case value_kind::dict: {
        const dict& held = *content.get_if<dict>();
        bj::object made;
        made.reserve(held.size());
        for (const auto& [key, element] : held) {
            const std::string_view name = key;
            made.emplace(name,
                         converted_at(name, [&from = element] { return to_json_tree(from); }));
        }
        return made;
    }
    case value_kind::binary:
    case value_kind::object: break;
    }
    not_json(content);
}

value from_json_tree(const bj::value& content)
{
    switch (content.kind()) {
    case bj::kind::null: return {};
    case bj::kind::bool_: return content.get_bool();
    case bj::kind::int64: return content.get_int64();
    case bj::kind::uint64: return content.get_uint64();
    case bj::kind::double_: return content.get_double();
    case bj::kind::string: return std::string_view(content.get_string());
    case bj::kind::array: {
        const bj::array& held = content.get_array();
        list made;
        made.reserve(held.size());
        for (std::size_t i = 0; i != held.size(); ++i)
            made.push_back(converted_at(i, [&] { return from_json_tree(held[i]); }));
        return made;
    }
    case bj::kind::object: {
        dict made;
        for (const bj::key_value_pair& each : content.get_object()) {
            const std::string_view key = each.key();
            made.insert_or_assign(key,
                                  converted_at(key, [&] { return from_json_tree(each.value()); }));
        }
        return made;
    }
    }
    return {};
}

} // namespace zproc::detail
