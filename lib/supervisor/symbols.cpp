#include "supervisor/symbols.hpp"

#include "descriptor.hpp"
#include "supervisor/modules.hpp"

#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <sstream>

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace zproc::supervision {

namespace {

/// A file mapped for reading; every access is checked against its end.
class mapped_file {
public:
    explicit mapped_file(const std::string& path)
    {
        const descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        struct stat about{};
        if (!file || ::fstat(file.get(), &about) != 0 || about.st_size <= 0)
            return;
        void* const at = ::mmap(nullptr, static_cast<std::size_t>(about.st_size), PROT_READ,
                                MAP_PRIVATE, file.get(), 0);
        if (at != MAP_FAILED)
            bytes_ = {static_cast<const char*>(at), static_cast<std::size_t>(about.st_size)};
    }

    mapped_file(const mapped_file&) = delete;
    mapped_file& operator=(const mapped_file&) = delete;

    ~mapped_file()
    {
        if (!bytes_.empty())
            ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
    }

    template <class T>
    std::optional<T> at(std::uint64_t offset) const
    {
        if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T))
            return std::nullopt;
        T value;
        std::memcpy(&value, bytes_.data() + offset, sizeof value);
        return value;
    }

    std::string text(std::uint64_t offset) const
    {
        if (offset >= bytes_.size())
            return {};
        const auto rest = bytes_.substr(static_cast<std::size_t>(offset));
        return std::string(rest.substr(0, rest.find('\0')));
    }

private:
    std::string_view bytes_;
};

struct found_symbol {
    std::uint64_t address = 0; ///< what was asked: its place in the module
    std::string name;          ///< demangled; empty: not found
    std::uint64_t offset = 0;  ///< in the function
};

/// Finds the functions around all places at once, in the tables of the given type.
void look_up(const mapped_file& file, std::uint32_t table_type, std::vector<found_symbol>& places)
{
    const auto header = file.at<ElfW(Ehdr)>(0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return;
    const auto section = [&](std::uint64_t index) {
        return file.at<ElfW(Shdr)>(header->e_shoff + index * sizeof(ElfW(Shdr)));
    };
    for (std::uint64_t i = 0; i != header->e_shnum; ++i) {
        const auto table = section(i);
        if (!table || table->sh_type != table_type)
            continue;
        const auto names = section(table->sh_link);
        if (!names)
            continue;
        for (std::uint64_t at = 0; at + sizeof(ElfW(Sym)) <= table->sh_size;
             at += sizeof(ElfW(Sym))) {
            const auto symbol = file.at<ElfW(Sym)>(table->sh_offset + at);
            if (!symbol)
                break;
            if ((symbol->st_info & 0xf) != STT_FUNC || symbol->st_shndx == SHN_UNDEF)
                continue;
            for (auto& place : places) {
                const auto offset = place.address - symbol->st_value;
                if (offset >= symbol->st_size || !place.name.empty())
                    continue;
                place.name = demangle(file.text(names->sh_offset + symbol->st_name).c_str());
                place.offset = offset;
            }
        }
    }
}

void find_symbols(const std::string& path, std::vector<found_symbol>& places)
{
    const mapped_file file(path);
    look_up(file, SHT_SYMTAB, places);
    look_up(file, SHT_DYNSYM, places);
}

std::string_view file_name(std::string_view path)
{
    return path.substr(path.rfind('/') + 1);
}

/// What a frame is to somebody who reads the stack.
enum class frame_kind {
    telling,
    throwing, ///< between the throw and who threw: it and all before it say nothing
    loop,     ///< resumes coroutines
    bottom,   ///< how zproc came to call the function: it and all after it say nothing
};

frame_kind kind_of(std::string_view name)
{
    const auto has = [&](std::string_view part) { return name.find(part) != name.npos; };
    if (name.starts_with("__cxa_throw") || has("zproc::supervision::capture_throw_site"))
        return frame_kind::throwing;
    // The second form is of a name that no demangler takes.
    if (has("zproc::detail::stub<") || has("5zproc6detail4stub") ||
        has("zproc::supervision::(anonymous namespace)::running_call::"))
        return frame_kind::bottom;
    const auto plain = without_parameters(name);
    if (plain.starts_with("boost::asio::") || plain.find("coroutine_handle<") != plain.npos)
        return frame_kind::loop;
    return frame_kind::telling;
}

} // namespace

std::string demangle(const char* mangled)
{
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
    if (status != 0 || !name)
        return mangled;
    std::string readable(name.get());
    constexpr std::string_view long_string =
        "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
    for (auto at = readable.find(long_string); at != readable.npos; at = readable.find(long_string))
        readable.replace(at, long_string.size(), "std::string");
    return readable;
}

std::string without_parameters(std::string_view signature)
{
    constexpr std::string_view unnamed = "(anonymous namespace)::";
    std::string name(signature);
    for (auto at = name.find(unnamed); at != name.npos; at = name.find(unnamed))
        name.erase(at, unnamed.size());

    // Template functions show their return type: the name begins after the last space outside
    // brackets, and ends at the first parenthesis outside brackets.
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i != name.size(); ++i) {
        const char c = name[i];
        if (depth == 0 && c == '(')
            return name.substr(begin, i - begin);
        if (depth == 0 && c == ' ')
            begin = i + 1;
        depth += c == '<' || c == '{' ? 1 : 0;
        depth -= c == '>' || c == '}' ? 1 : 0;
    }
    return name.substr(begin);
}

std::string lambda_name(std::string_view type)
{
    // The compilers' own names: "f(int)::{lambda(int)#1}", "f(int)::$_0", "f(int)::'lambda'(int)".
    for (const std::string_view mark : {"::{lambda", "::$_", "::'lambda"})
        if (const auto at = type.find(mark); at != type.npos)
            return "lambda in " + without_parameters(type.substr(0, at));
    return "lambda";
}

std::string symbol_at(std::uintptr_t address)
{
    const auto module = module_at(address);
    if (!module)
        return {};
    std::vector<found_symbol> places{{address - module->base, {}, 0}};
    find_symbols(module->path, places);
    return places.front().name;
}

std::vector<std::string> symbolize(std::span<void* const> frames)
{
    // A return address may be the first of the next function: the byte before it is looked up.
    std::map<std::string, std::vector<found_symbol>> by_file;
    std::vector<std::optional<module_info>> modules;
    for (void* const frame : frames) {
        const auto address = reinterpret_cast<std::uintptr_t>(frame) - 1;
        const auto& module = modules.emplace_back(module_at(address));
        if (module)
            by_file[module->path].push_back({address - module->base, {}, 0});
    }
    for (auto& [path, places] : by_file)
        find_symbols(path, places);

    std::map<std::string, std::size_t> used;
    std::vector<std::string> lines;
    for (std::size_t i = 0; i != frames.size(); ++i) {
        std::ostringstream line;
        if (!modules[i]) {
            line << frames[i];
        } else {
            const auto& path = modules[i]->path;
            const auto& place = by_file[path][used[path]++];
            const auto kind = kind_of(place.name);
            if (kind == frame_kind::bottom && !lines.empty())
                break;
            if (kind == frame_kind::throwing)
                lines.clear();
            if (kind != frame_kind::telling)
                continue;
            if (place.name.empty())
                line << file_name(path) << " + 0x" << std::hex << place.address + 1;
            else
                line << place.name << " + 0x" << std::hex << place.offset + 1 << " ("
                     << file_name(path) << ')';
        }
        lines.push_back(line.str());
    }
    return lines;
}

} // namespace zproc::supervision
