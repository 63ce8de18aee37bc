#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zproc::supervision {

/// An executable or a shared library as it is loaded in this process.
struct module_info {
    std::string path;     ///< absolute; that of the executable too
    std::string build_id; ///< raw bytes of the note; empty when it was linked without
    std::uintptr_t base = 0;
    bool holds_code = false; ///< of module_at(): the address lies in an executable segment
};

/// The module that `address` lies in.
std::optional<module_info> module_at(std::uintptr_t address);

/// The loaded module with that build id.
std::optional<module_info> module_by_build_id(std::string_view build_id);

/// Loads the file at `path`, unless its build id is another one. Its static initialisers run.
std::optional<module_info> load_module(const std::string& path, std::string_view build_id);

/// Of the executable, and of this library where that is another module: two processes with the same
/// one find each other's functions. Empty when the executable was linked without a build id.
std::string program_build();

} // namespace zproc::supervision
