#include "supervisor/modules.hpp"

#include <cstddef>
#include <cstring>
#include <span>

#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>
#include <unistd.h>

namespace zproc::supervision {

namespace {

/// Asked for once: it takes as long as ten other system calls, and every spawn needs it.
const std::string& executable_path()
{
    // Never destroyed: as functions are resolved until the very end.
    static const auto* const path = [] {
        char buffer[4096];
        const auto size = ::readlink("/proc/self/exe", buffer, sizeof buffer);
        return size > 0 ? new std::string(buffer, static_cast<std::size_t>(size)) : new std::string;
    }();
    return *path;
}

std::span<const ElfW(Phdr)> headers(const dl_phdr_info& loaded)
{
    return {loaded.dlpi_phdr, loaded.dlpi_phnum};
}

/// Notes are aligned to 4 bytes; name and description are padded to that.
std::string build_id_in(const char* at, std::size_t size)
{
    constexpr auto padded = [](std::size_t n) { return (n + 3) & ~std::size_t{3}; };
    while (size >= sizeof(ElfW(Nhdr))) {
        ElfW(Nhdr) note;
        std::memcpy(&note, at, sizeof note);
        const auto name = sizeof note;
        const auto description = name + padded(note.n_namesz);
        const auto end = description + padded(note.n_descsz);
        if (end > size)
            break;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            std::memcmp(at + name, "GNU", 4) == 0)
            return {at + description, note.n_descsz};
        at += end;
        size -= end;
    }
    return {};
}

module_info describe(const dl_phdr_info& loaded)
{
    module_info info;
    info.base = loaded.dlpi_addr;
    // The executable itself has no name in this list.
    info.path = loaded.dlpi_name != nullptr && *loaded.dlpi_name != '\0' ? loaded.dlpi_name
                                                                         : executable_path();
    for (const auto& header : headers(loaded)) {
        if (header.p_type != PT_NOTE || !info.build_id.empty())
            continue;
        info.build_id =
            build_id_in(reinterpret_cast<const char*>(info.base + header.p_vaddr), header.p_memsz);
    }
    return info;
}

/// Calls `wanted` with each module until it says true.
template <class Wanted>
void for_each_module(Wanted wanted)
{
    ::dl_iterate_phdr(
        [](dl_phdr_info* loaded, std::size_t, void* data) -> int {
            return (*static_cast<Wanted*>(data))(*loaded) ? 1 : 0;
        },
        &wanted);
}

} // namespace

std::optional<module_info> module_at(std::uintptr_t address)
{
    std::optional<module_info> found;
    for_each_module([&](const dl_phdr_info& loaded) {
        for (const auto& header : headers(loaded)) {
            const auto begin = loaded.dlpi_addr + header.p_vaddr;
            if (header.p_type != PT_LOAD || address < begin || address - begin >= header.p_memsz)
                continue;
            found = describe(loaded);
            found->holds_code = (header.p_flags & PF_X) != 0;
            return true;
        }
        return false;
    });
    return found;
}

std::optional<module_info> module_by_build_id(std::string_view build_id)
{
    std::optional<module_info> found;
    if (build_id.empty())
        return found;
    for_each_module([&](const dl_phdr_info& loaded) {
        auto info = describe(loaded);
        if (info.build_id != build_id)
            return false;
        found = std::move(info);
        return true;
    });
    return found;
}

std::string program_build()
{
    const auto program = module_at(::getauxval(AT_ENTRY));
    const auto library = module_at(reinterpret_cast<std::uintptr_t>(&program_build));
    if (!program || program->build_id.empty())
        return {};
    const bool two = library && library->base != program->base;
    return two ? program->build_id + library->build_id : program->build_id;
}

std::optional<module_info> load_module(const std::string& path, std::string_view build_id)
{
    if (path.empty())
        return std::nullopt;
    void* const handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr)
        return std::nullopt;
    if (auto info = module_by_build_id(build_id))
        return info;
    ::dlclose(handle);
    return std::nullopt;
}

} // namespace zproc::supervision
