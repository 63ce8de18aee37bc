#pragma once

#include "integration/forked_root.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include <signal.h>
#include <unistd.h>

namespace zproc::test {

/// `zproc serve`, as a person starts it; what it logs is read line by line.
class served {
public:
    explicit served(const std::vector<std::string>& words)
        : root_([&words] {
              ::dup2(1, 2);
              const auto program =
                  std::filesystem::read_symlink("/proc/self/exe").parent_path() / "zproc";
              std::vector<const char*> line{"zproc", "serve"};
              for (const auto& each : words)
                  line.push_back(each.c_str());
              line.push_back(nullptr);
              ::execv(program.c_str(), const_cast<char* const*>(line.data()));
              return 127;
          })
    {
    }

    std::string line() { return root_.line(); }
    /// The next address that it says it serves; empty when it says anything else.
    std::string address()
    {
        const auto text = root_.line();
        const auto begin = text.find("serving ");
        const auto end = text.find(" (state process");
        return begin == text.npos || end == text.npos ? std::string()
                                                      : text.substr(begin + 8, end - begin - 8);
    }
    int stop(int signal)
    {
        ::kill(root_.pid(), signal);
        return root_.wait();
    }
    int wait() { return root_.wait(); }

private:
    forked_root root_;
};

} // namespace zproc::test
