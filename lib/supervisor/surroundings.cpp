#include "supervisor/surroundings.hpp"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>

namespace zproc::supervision {

namespace {

struct surroundings {
    std::vector<std::string> environment;
    std::string directory;
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

} // namespace

void remember_surroundings()
{
    remembered() = {present_environment(), present_directory()};
}

void add_surroundings(spawn_request& request)
{
    const auto& then = remembered();
    if (environment_differs(then.environment))
        request.environment = present_environment();
    if (auto directory = present_directory(); !directory.empty() && directory != then.directory)
        request.directory = std::move(directory);
}

} // namespace zproc::supervision
