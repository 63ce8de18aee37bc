// What a data directory costs: a change that is on the disk before it is acknowledged, beside the
// bytes of its record in a file, synced by whoever has written them; and changes that are only in
// the system's cache, beside a state without a directory.
//
// Not measured: starts with much in the directory, values that are large, several clients.

#include "support/interleave.hpp"
#include "support/run_loop.hpp"
#include "support/window.hpp"

#include <zproc/context.hpp>
#include <zproc/state.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace asio = boost::asio;
namespace bench = zproc::bench;

namespace {

constexpr std::size_t extent_size = 152; // of one change: what zproc writes and syncs for it
constexpr std::size_t lanes = 64;

/// In the present directory, since those for temporary files may be memory.
class place {
public:
    place() : path_("zproc-bench-disk-" + std::to_string(::getpid()))
    {
        std::filesystem::create_directory(path_);
    }
    ~place()
    {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    std::string of(const char* name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

/// A file with room for what comes, as our segments are.
class plain_log {
public:
    explicit plain_log(const std::string& path)
        : file_(::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600))
    {
        if (file_ < 0 || ::posix_fallocate(file_, 0, size) != 0)
            throw std::runtime_error("no file");
    }
    ~plain_log() { ::close(file_); }
    plain_log(const plain_log&) = delete;
    plain_log& operator=(const plain_log&) = delete;

    void append(std::size_t times)
    {
        const std::array<char, extent_size> bytes{};
        for (std::size_t i = 0; i != times; ++i) {
            if (::pwrite(file_, bytes.data(), bytes.size(), at_) != extent_size ||
                ::fdatasync(file_) != 0)
                throw std::runtime_error("the file cannot be written");
            at_ = (at_ + static_cast<off_t>(extent_size)) % (size / 2);
        }
    }

private:
    static constexpr off_t size = 1 << 20;
    int file_;
    off_t at_ = 0;
};

struct kept_state {
    asio::io_context io{1};
    zproc::context ctx;

    explicit kept_state(const zproc::context_options& options) : ctx(io, options) {}
    ~kept_state() // its directory is removed next
    {
        bench::run_loop(io, ctx.shutdown(std::chrono::seconds(1), asio::use_awaitable));
    }
    kept_state(const kept_state&) = delete;
    kept_state& operator=(const kept_state&) = delete;

    void set(std::size_t times, std::size_t depth)
    {
        const auto s = ctx.state();
        std::size_t begun = 0;
        bench::run_loop(io, bench::keep_under_way(
                                depth, [&] { return begun++ < times; },
                                [&](auto done) {
                                    s.set("key 0", static_cast<std::int64_t>(begun),
                                          std::move(done));
                                }));
    }
};

zproc::context_options in(const std::string& directory, zproc::fsync_policy policy)
{
    return zproc::context_options{}.data(directory).fsync(policy);
}

bench::contestant setter(const char* name, kept_state& state, std::size_t depth, std::size_t more)
{
    return {name, [&state, depth](std::size_t times) { state.set(times, depth); }, {}, more};
}

} // namespace

int main(int argc, char** argv)
try {
    const auto options = bench::options::from_arguments(argc, argv, 100);
    const place where;
    kept_state none{zproc::context_options{}};
    kept_state commit{in(where.of("commit"), zproc::fsync_policy::commit)};
    kept_state interval{in(where.of("interval"), zproc::fsync_policy::interval)};
    kept_state never{in(where.of("never"), zproc::fsync_policy::never)};
    plain_log log(where.of("log"));

    const auto on_disk = bench::interleave(
        {
            {"write and fdatasync", [&](std::size_t times) { log.append(times); }, {}},
            setter("zproc set, commit, one at a time", commit, 1, 1),
            setter("zproc set, commit, 64 under way", commit, lanes, 20),
        },
        options);
    bench::print("on the disk before it is acknowledged", on_disk, options);

    const auto in_cache = bench::interleave(
        {
            setter("zproc set, no directory", none, 1, 50),
            setter("zproc set, interval", interval, 1, 50),
            setter("zproc set, never", never, 1, 50),
            setter("no directory, 64 under way", none, lanes, 200),
            setter("interval, 64 under way", interval, lanes, 200),
            setter("never, 64 under way", never, lanes, 200),
        },
        options);
    bench::print("in the system's cache before it is acknowledged", in_cache, options);
    return 0;
} catch (const std::exception& e) {
    std::fprintf(stderr, "disk: %s\n", e.what());
    return 1;
}
