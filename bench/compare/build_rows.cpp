// P14: what a user's file takes to be compiled.

#include "compare/row.hpp"

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

namespace zproc::bench {

namespace {

constexpr const char* with_zproc = R"(#include <zproc.hpp>
#include <boost/asio/use_awaitable.hpp>
zproc::asio::awaitable<void> work(zproc::context ctx)
{
    auto state = ctx.state();
AWAITS}
int main() { return zproc::run(work); }
)";

constexpr const char* with_asio = R"(#include <boost/asio.hpp>
namespace asio = boost::asio;
asio::awaitable<void> work(asio::ip::tcp::socket& socket)
{
    asio::steady_timer timer(socket.get_executor());
    char bytes[100];
AWAITS}
int main()
{
    asio::io_context io;
    asio::ip::tcp::socket socket(io);
    asio::co_spawn(io, work(socket), asio::detached);
    io.run();
}
)";

/// Twenty awaits of five kinds, each in four places.
std::string awaits(const std::vector<std::string>& kinds)
{
    std::string out;
    for (int i = 0; i != 20; ++i) {
        auto line = kinds[static_cast<std::size_t>(i) % kinds.size()];
        if (const auto at = line.find('#'); at != line.npos)
            line.replace(at, 1, std::to_string(i));
        out += "    " + line + "\n";
    }
    return out;
}

std::string filled(std::string text, const std::string& lines)
{
    return text.replace(text.find("AWAITS"), 6, lines);
}

class compiling : public experiment {
public:
    explicit compiling(const scale&) : directory_("/tmp/zproc-bench-" + std::to_string(::getpid()))
    {
        if (::mkdir(directory_.c_str(), 0700) != 0)
            throw std::runtime_error("no directory");
        write("ours.cpp", filled(with_zproc, awaits({"co_await state.set(\"key #\", 1);",
                                                     "co_await state.get<int>(\"key #\");",
                                                     "co_await state.increment(\"key #\");",
                                                     "co_await state.when_change(\"key #\");",
                                                     "co_await state.contains(\"key #\");"})));
        write("theirs.cpp",
              filled(with_asio, awaits({"co_await timer.async_wait(asio::use_awaitable);",
                                        "co_await asio::async_read(socket, asio::buffer(bytes), "
                                        "asio::use_awaitable);",
                                        "co_await asio::async_write(socket, asio::buffer(bytes), "
                                        "asio::use_awaitable);",
                                        "co_await socket.async_wait(asio::socket_base::wait_read, "
                                        "asio::use_awaitable);",
                                        "co_await socket.async_read_some(asio::buffer(bytes), "
                                        "asio::use_awaitable);"})));
        write("header.cpp", "#include <boost/asio.hpp>\n");
    }
    ~compiling() override
    {
        for (const char* each : {"/ours.cpp", "/theirs.cpp", "/header.cpp", "/out.o"})
            ::unlink((directory_ + each).c_str());
        ::rmdir(directory_.c_str());
    }

    std::vector<figures> round(unsigned number) override
    {
        figures out;
        in_turn(number,
                {[&] { out.ours = compile("ours.cpp"); }, [&] { out.peer = compile("theirs.cpp"); },
                 [&] { out.raw = compile("header.cpp"); }});
        return {out};
    }

private:
    void write(const char* name, const std::string& text) const
    {
        std::ofstream(directory_ + "/" + name) << text;
    }

    /// Seconds of processor time: of what else runs here it tells the least.
    double compile(const char* name) const
    {
        std::vector<std::string> words{"g++",
                                       "-std=c++20",
                                       "-O2",
                                       "-DBOOST_ASIO_SEPARATE_COMPILATION",
                                       std::string("-I") + ZPROC_INCLUDE_DIR,
                                       "-c",
                                       directory_ + "/" + name,
                                       "-o",
                                       directory_ + "/out.o"};
        std::vector<char*> line;
        for (auto& each : words)
            line.push_back(each.data());
        line.push_back(nullptr);
        pid_t pid = -1;
        int status = -1;
        rusage used{};
        if (::posix_spawnp(&pid, "g++", nullptr, nullptr, line.data(), environ) != 0 ||
            ::wait4(pid, &status, 0, &used) != pid || status != 0)
            throw std::runtime_error("the compiler fails");
        return seconds(used.ru_utime) + seconds(used.ru_stime);
    }

    static double seconds(const timeval& of)
    {
        return static_cast<double>(of.tv_sec) + static_cast<double>(of.tv_usec) / 1e6;
    }

    std::string directory_;
};

} // namespace

void add_build_rows(std::vector<row>& to)
{
    to.push_back({"P14",
                  {{"P14", "compile a file with 20 awaits, CPU", "s", "bare Asio", better::less,
                    1.1, 1, "the header of Asio alone"}},
                  [](const scale& s) { return std::make_unique<compiling>(s); }});
}

} // namespace zproc::bench
