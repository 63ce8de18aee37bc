#include "supervisor/function_ref.hpp"

#include "supervisor/modules.hpp"
#include "supervisor/symbols.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <sstream>

namespace zproc {

namespace supervision {

namespace {

/// Filled by static initialisers of any module, perhaps of one that a thread loads later.
struct stub_registry {
    std::mutex mutex;
    std::set<detail::stub_entry> known;

    static stub_registry& instance()
    {
        // Never destroyed: static destructors of others may still ask.
        static auto* const registry = new stub_registry;
        return *registry;
    }
};

detail::code_address address_of(std::uintptr_t place, error_code& ec)
{
    detail::code_address address;
    const auto module = module_at(place);
    if (!module || module->build_id.empty()) {
        ec = errc::no_build_id;
        return address;
    }
    address.build_id = module->build_id;
    address.offset = place - module->base;
    address.path = module->path;
    return address;
}

std::optional<std::uintptr_t> find(const detail::code_address& address)
{
    auto module = module_by_build_id(address.build_id);
    if (!module)
        module = load_module(address.path, address.build_id);
    if (!module)
        return std::nullopt;
    return module->base + static_cast<std::uintptr_t>(address.offset);
}

bool is_code_of(std::uintptr_t place, const detail::code_address& address)
{
    const auto module = module_at(place);
    return module && module->holds_code && module->build_id == address.build_id;
}

std::string find_name(std::uintptr_t target)
{
    if (auto name = symbol_at(target); !name.empty())
        return without_parameters(name);
    const auto module = module_at(target);
    if (!module)
        return "function";
    std::ostringstream name;
    name << module->path.substr(module->path.rfind('/') + 1) << "+0x" << std::hex
         << target - module->base;
    return name.str();
}

} // namespace

resolved_function resolve(const detail::function_reference& reference, error_code& ec)
{
    ec = {};
    resolved_function result;
    if (const auto place = find(reference.stub)) {
        const auto entry = reinterpret_cast<detail::stub_entry>(*place);
        auto& registry = stub_registry::instance();
        const std::lock_guard lock(registry.mutex);
        if (registry.known.contains(entry))
            result.stub = entry;
    }
    if (!reference.target.build_id.empty()) {
        const auto place = find(reference.target);
        if (place && is_code_of(*place, reference.target))
            result.target = *place;
        else
            result.stub = nullptr;
    }
    if (result.stub == nullptr)
        ec = errc::unknown_function;
    return result;
}

} // namespace supervision

namespace detail {

stub_registration::stub_registration(stub_entry entry)
{
    auto& registry = supervision::stub_registry::instance();
    const std::lock_guard lock(registry.mutex);
    registry.known.insert(entry);
}

function_reference refer(stub_entry entry, std::uintptr_t target, error_code& ec)
{
    function_reference made;
    made.stub = supervision::address_of(reinterpret_cast<std::uintptr_t>(entry), ec);
    if (target != 0 && !ec)
        made.target = supervision::address_of(target, ec);
    return made;
}

std::string function_name(std::uintptr_t target, const std::type_info& type)
{
    if (target == 0)
        return supervision::lambda_name(supervision::demangle(type.name()));

    // Reading a symbol table takes as long as a spawn: once per function.
    static std::mutex mutex;
    static auto* const names = new std::map<std::uintptr_t, std::string>;
    const std::lock_guard lock(mutex);
    auto& name = (*names)[target];
    if (name.empty())
        name = supervision::find_name(target);
    return name;
}

} // namespace detail
} // namespace zproc
