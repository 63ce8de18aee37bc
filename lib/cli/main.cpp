// The executable `zproc`.

#include "cli/serve.hpp"
#include "state_service.hpp"
#include "supervisor/entry.hpp"
#include "supervisor/program.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

constexpr const char* usage =
    "zproc %s: processes that share their state and watch it change\n"
    "\n"
    "zproc serve unix:///PATH   keeps a state that programs of this user can join, until SIGTERM;\n"
    "    --data DIR             and in that directory, for the next time\n"
    "zproc --version            says this library's version\n"
    "zproc --help               says this\n"
    "\n"
    "Programs that had threads before they used zproc start it as their supervisor\n"
    "(zproc supervise …). People do not.\n";

} // namespace

int main(int argc, char** argv)
{
    const std::string_view command = argc > 1 ? argv[1] : "";
    if (command == "--version") {
        std::printf("%s\n", zproc::supervision::version());
        return EXIT_SUCCESS;
    }
    if (command == "--help" || command == "help") {
        std::printf(usage, zproc::supervision::version());
        return EXIT_SUCCESS;
    }
    if (command == "serve")
        return zproc::cli::serve(argc - 2, argv + 2);
    if (command == "supervise") {
        zproc::supervision::set_service_entry(&zproc::state_service);
        zproc::supervision::become_guardian(argc - 2, argv + 2);
        std::fprintf(stderr, "zproc supervise: only the zproc library can call this\n");
        return 2;
    }
    std::fprintf(stderr, usage, zproc::supervision::version());
    return 2;
}
