#include "supervisor/surroundings.hpp"

#include "supervisor/reserve.hpp"

#include <charconv>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

namespace zproc::supervision {

namespace {

struct surroundings {
    std::vector<std::string> environment;
    std::string directory;
    std::optional<unsigned> file_mask;
    uid_t user = 0;
    gid_t group = 0;
    std::vector<std::uint64_t> limits;
};

/// Never destroyed: it is read as long as anybody spawns.
surroundings& remembered()
{
    static auto* const instance = new surroundings;
    return *instance;
}

std::vector<std::string> present_environment()
{
    std::vector<std::string> all;
    for (char** each = environ; each != nullptr && *each != nullptr; ++each)
        all.emplace_back(*each);
    return all;
}

bool environment_differs(const std::vector<std::string>& then)
{
    char** now = environ;
    for (const auto& each : then)
        if (now == nullptr || *now == nullptr || each != *now++)
            return true;
    return now != nullptr && *now != nullptr;
}

std::string present_directory()
{
    std::error_code unknown; // it may have been removed
    return std::filesystem::current_path(unknown).string();
}

/// umask(2) cannot be read without being changed, under the eyes of other threads.
std::optional<unsigned> present_file_mask()
{
    std::string status;
    constexpr std::string_view before = "\nUmask:\t";
    // No reserve: this is not the supervisor.
    const descriptor file(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
    if (!file || !read_all(file, status))
        return std::nullopt;
    const auto line = status.find(before);
    unsigned mask = 0;
    if (line == std::string::npos || std::from_chars(status.data() + line + before.size(),
                                                     status.data() + status.size(), mask, 8)
                                             .ec != std::errc{})
        return std::nullopt;
    return mask;
}

/// Resource, soft, hard; of all.
std::vector<std::uint64_t> present_limits()
{
    std::vector<std::uint64_t> all;
    for (int each = 0; each != RLIM_NLIMITS; ++each) {
        rlimit now{};
        if (::getrlimit(static_cast<__rlimit_resource_t>(each), &now) == 0)
            all.insert(all.end(), {static_cast<std::uint64_t>(each), now.rlim_cur, now.rlim_max});
    }
    return all;
}

} // namespace

void remember_surroundings()
{
    remembered() = {present_environment(), present_directory(), present_file_mask(),
                    ::geteuid(),           ::getegid(),         present_limits()};
}

error_code check_rights()
{
    const auto& then = remembered();
    if (::geteuid() == then.user && ::getegid() == then.group)
        return {};
    return boost::system::errc::make_error_code(boost::system::errc::operation_not_permitted);
}

void add_surroundings(spawn_request& request)
{
    const auto& then = remembered();
    if (environment_differs(then.environment))
        request.environment = present_environment();
    if (auto directory = present_directory(); !directory.empty() && directory != then.directory)
        request.directory = std::move(directory);
    if (const auto mask = present_file_mask(); mask != then.file_mask)
        request.file_mask = mask;
    const auto limits = present_limits();
    for (std::size_t i = 0; i + 2 < limits.size() && i + 2 < then.limits.size(); i += 3)
        if (limits[i + 1] != then.limits[i + 1] || limits[i + 2] != then.limits[i + 2])
            request.limits.insert(request.limits.end(), {limits[i], limits[i + 1], limits[i + 2]});
}

} // namespace zproc::supervision
