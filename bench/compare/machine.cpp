#include "compare/machine.hpp"

#include "support/run_loop.hpp"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string_view>

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

namespace zproc::bench {

namespace {

constexpr double step = 1.02;

void pause_for(std::int64_t nanoseconds)
{
    const timespec time{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
    ::nanosleep(&time, nullptr);
}

} // namespace

std::int64_t now_ns()
{
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// ---- shared memory -----------------------------------------------------------------------------

void latencies::add(double nanoseconds)
{
    const double at = std::log(std::max(nanoseconds, 1.0)) / std::log(step);
    ++counts_[std::min(steps - 1, static_cast<std::size_t>(at))];
}

void latencies::clear()
{
    for (auto& each : counts_)
        each = 0;
}

double latencies::median() const
{
    std::uint64_t all = 0;
    for (const auto& each : counts_)
        all += each;
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i != steps; ++i)
        if ((seen += counts_[i]) * 2 >= all && all != 0)
            return std::pow(step, static_cast<double>(i) + 0.5);
    return 0;
}

shared_page* page = nullptr;

void prepare_shared_page()
{
    void* const memory = ::mmap(nullptr, sizeof(shared_page), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        throw std::runtime_error("no shared memory");
    page = new (memory) shared_page();
}

void shared_page::reset()
{
    ready = 0;
    go = stop = false;
    done = seen = 0;
    sent_at = 0;
    took.clear();
    for (auto& each : bells)
        each = 0;
    head = 0;
}

void shared_page::await_go()
{
    ++ready;
    while (!go)
        pause_for(200'000);
}

void shared_page::await_ready(int count) const
{
    const auto until = now_ns() + 60'000'000'000;
    while (ready != count) {
        if (now_ns() > until)
            throw std::runtime_error("a process of the benchmark does not begin");
        pause_for(200'000);
    }
}

// ---- Redis -------------------------------------------------------------------------------------

std::string redis_server::settings()
{
    std::string version = "of unknown version";
    if (auto* const told = ::popen("redis-server --version", "r")) {
        char text[256] = {};
        const std::string_view line = std::fgets(text, sizeof text, told) ? text : "";
        if (const auto at = line.find("v="); at != line.npos)
            version = line.substr(at + 2, line.find(' ', at) - at - 2);
        ::pclose(told);
    }
    return version +
           ", one Unix socket, no TCP, save \"\", appendonly no, output of subscribers not "
           "limited; "
           "hiredis " +
           std::to_string(HIREDIS_MAJOR) + '.' + std::to_string(HIREDIS_MINOR) + '.' +
           std::to_string(HIREDIS_PATCH) + ", pipelined where the row is";
}

namespace {

bool answers(const std::string& path)
{
    redisContext* const context = redisConnectUnix(path.c_str());
    const bool well = context != nullptr && context->err == 0;
    redisFree(context);
    return well;
}

} // namespace

redis_server::redis_server()
    : path_("/tmp/zproc-bench-redis-" + std::to_string(::getpid()) + "-" + std::to_string(now_ns()))
{
    pid_ = ::fork();
    if (pid_ == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int nowhere = ::open("/dev/null", O_RDWR);
        ::dup2(nowhere, 1);
        ::dup2(nowhere, 2);
        ::execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", path_.c_str(),
                 "--save", "", "--appendonly", "no", "--daemonize", "no",
                 "--client-output-buffer-limit", "pubsub 0 0 0", "--databases", "1",
                 static_cast<char*>(nullptr));
        ::_exit(127);
    }
    // The file is there before anybody listens.
    for (int i = 0; !answers(path_); ++i) {
        int status = 0;
        if (i == 50'000 || ::waitpid(pid_, &status, WNOHANG) == pid_)
            throw std::runtime_error("redis-server does not start: is it installed?");
        pause_for(200'000);
    }
}

redis_server::~redis_server()
{
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::unlink(path_.c_str());
}

redis_client::redis_client(const std::string& path) : context_(redisConnectUnix(path.c_str()))
{
    if (context_ == nullptr || context_->err != 0)
        throw std::runtime_error("cannot connect to redis-server");
}

redis_client::~redis_client()
{
    redisFree(context_);
}

void redis_client::run(const char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    auto* const reply = static_cast<redisReply*>(redisvCommand(context_, format, arguments));
    va_end(arguments);
    const bool well = reply != nullptr && reply->type != REDIS_REPLY_ERROR;
    freeReplyObject(reply);
    if (!well)
        throw std::runtime_error(std::string("redis-server refuses ") + format);
}

// ---- processes ---------------------------------------------------------------------------------

crowd::crowd(int count, const std::function<void(int number)>& work)
{
    std::fflush(nullptr);
    for (int i = 0; i != count; ++i) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            int code = 0;
            try {
                work(i);
            } catch (const std::exception& e) {
                std::fprintf(stderr, "a worker of the benchmark: %s\n", e.what());
                code = 1;
            }
            ::_exit(code);
        }
        pids_.push_back(pid);
    }
}

crowd::~crowd()
{
    for (const auto each : pids_)
        ::waitpid(each, nullptr, 0);
}

own_state::own_state(context_options options) : ctx(io, std::move(options))
{
    run([](own_state& self) -> asio::awaitable<void> {
        const pong answer = co_await self.ctx.ping();
        self.server = static_cast<pid_t>(answer.pid);
    }(*this));
}

own_state::~own_state() = default;

void own_state::run(asio::awaitable<void> work)
{
    run_loop(io, std::move(work));
}

double cpu_ns(const std::vector<pid_t>& of)
{
    double sum = 0;
    for (const auto each : of) {
        clockid_t clock{};
        timespec time{};
        if (::clock_getcpuclockid(each, &clock) == 0 && ::clock_gettime(clock, &time) == 0)
            sum += static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
    }
    return sum;
}

memory memory_of(pid_t pid)
{
    std::ifstream in("/proc/" + std::to_string(pid) + "/smaps");
    memory out;
    bool of_file = false;
    for (std::string text; std::getline(in, text);) {
        double kibibytes = 0;
        if (text.find('-') != text.npos && text.find(' ') > text.find('-') &&
            std::isxdigit(static_cast<unsigned char>(text.front())) != 0)
            of_file = text.find("memfd:") != text.npos;
        else if (std::sscanf(text.c_str(), "Pss: %lf kB", &kibibytes) == 1)
            (of_file ? out.shared_files : out.all) += kibibytes * 1024;
    }
    out.all += out.shared_files;
    return out;
}

} // namespace zproc::bench
