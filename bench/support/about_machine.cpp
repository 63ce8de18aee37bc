#include "support/about_machine.hpp"

#include <fstream>

#include <sys/utsname.h>
#include <unistd.h>

namespace zproc::bench {

std::string about_machine()
{
    std::string model = "unknown processor";
    std::ifstream in("/proc/cpuinfo");
    for (std::string text; std::getline(in, text);)
        if (text.starts_with("model name"))
            model = text.substr(text.find(':') + 2);
    utsname system{};
    ::uname(&system);
    return model + ", " + std::to_string(::sysconf(_SC_NPROCESSORS_ONLN)) + " processors, Linux " +
           system.release;
}

} // namespace zproc::bench
