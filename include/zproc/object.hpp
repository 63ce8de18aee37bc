#pragma once

#include <boost/core/demangle.hpp>

#include <cstddef>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

namespace zproc {

/// A run of raw bytes as a value.
using bytes = std::vector<std::byte>;

/// A value of a type that only its users know: the type's declared name and its archive.
/// Compared by content. The state process stores it and never opens it.
struct object {
    object() = default;
    object(std::string type_name, bytes archive)
        : type(std::move(type_name)), data(std::move(archive))
    {
    }

    std::string type;
    bytes data;

    bool operator==(const object&) const = default;
};

/// The name under which objects of type `T` are stored, and by which `get<T>` recognises them.
///
/// By default the demangled C++ name. Specialise it to keep stored objects readable when a type
/// is renamed, and to declare storable a type whose `serialize` cannot be found otherwise (one
/// that is in namespace `boost::serialization`):
/// `template <> struct zproc::type_name<job> { static std::string get() { return "job"; } };`
template <class T>
struct type_name {
    static constexpr bool is_default = true;

    static std::string get() { return boost::core::demangle(typeid(T).name()); }
};

} // namespace zproc
