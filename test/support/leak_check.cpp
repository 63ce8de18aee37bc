#include "support/leak_check.hpp"

#include "support/sandbox.hpp"

#include <boost/smart_ptr/make_shared.hpp>
#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include <poll.h>
#include <unistd.h>

namespace zproc::test {
namespace {

namespace fs = std::filesystem;

std::map<int, std::string> open_descriptors()
{
    std::map<int, std::string> found;
    std::error_code ec;
    const std::string own_listing = "/proc/" + std::to_string(::getpid()) + "/fd";
    for (fs::directory_iterator it("/proc/self/fd", ec), end; !ec && it != end; it.increment(ec)) {
        std::error_code gone;
        const std::string target = fs::read_symlink(it->path(), gone);
        if (!gone && target != own_listing)
            found.emplace(std::stoi(it->path().filename()), target);
    }
    return found;
}

std::map<std::string, int> mapped_memfds()
{
    std::map<std::string, int> found;
    std::ifstream in("/proc/self/maps");
    for (std::string line; std::getline(in, line);) {
        if (const auto at = line.find("/memfd:"); at != std::string::npos)
            ++found[line.substr(at)];
    }
    return found;
}

std::set<std::string> files_of_ours()
{
    std::set<std::string> found;
    std::error_code ec;
    for (fs::recursive_directory_iterator it(sandbox::directory(), ec), end; !ec && it != end;
         it.increment(ec)) {
        // ThreadSanitizer's own, of a program that was killed before its main.
        if (!it->path().filename().string().starts_with("tsan."))
            found.insert(it->path());
    }
    // Names that carry our pid: other test programs may be running beside this one.
    const std::string pid = std::to_string(::getpid());
    for (const char* shared : {"/tmp", "/dev/shm"}) {
        for (fs::directory_iterator it(shared, ec), end; !ec && it != end; it.increment(ec)) {
            const std::string name = it->path().filename();
            if (name.find("zproc") != std::string::npos && name.find(pid) != std::string::npos &&
                it->path() != sandbox::directory())
                found.insert(it->path());
        }
    }
    return found;
}

template <class Map>
std::map<typename Map::key_type, std::string> added(const Map& before, const Map& now)
{
    std::map<typename Map::key_type, std::string> found;
    for (const auto& [key, what] : now) {
        const auto old = before.find(key);
        if (old == before.end() || old->second != what) {
            if constexpr (std::is_same_v<typename Map::mapped_type, std::string>)
                found.emplace(key, what);
            else if (old == before.end() || old->second < what)
                found.emplace(key, std::to_string(what));
        }
    }
    return found;
}

std::vector<process_entry> added(const std::vector<process_entry>& before,
                                 const std::vector<process_entry>& now)
{
    std::vector<process_entry> found;
    std::ranges::copy_if(now, std::back_inserter(found), [&](const process_entry& entry) {
        return std::ranges::none_of(before, [&](const auto& old) { return old.same(entry); });
    });
    return found;
}

std::vector<std::string> differences(const holdings& before, const holdings& now)
{
    std::vector<std::string> lines;
    for (const auto& entry : added(before.processes, now.processes)) {
        lines.push_back((entry.zombie() ? "zombie " : "process ") + std::to_string(entry.pid) +
                        " (" + entry.name + ", child of " + std::to_string(entry.parent) + ")");
    }
    for (const auto& [fd, what] : added(before.descriptors, now.descriptors))
        lines.push_back("descriptor " + std::to_string(fd) + " (" + what + ")");
    for (const auto& [name, count] : added(before.mappings, now.mappings))
        lines.push_back("mapping of " + name + ", " + count + " times");
    for (const auto& name : now.files) {
        if (!before.files.contains(name))
            lines.push_back("file " + name);
    }
    return lines;
}

class per_case : public boost::unit_test::test_unit_fixture {
public:
    void setup() override { check_.emplace(); }

    void teardown() override
    {
        for (const auto& line : check_->leaks())
            BOOST_ERROR("left behind: " + line);
        check_.reset();
    }

private:
    std::optional<leak_check> check_;
};

struct add_to_cases : boost::unit_test::test_tree_visitor {
    void visit(const boost::unit_test::test_case& which) override
    {
        auto& unit = boost::unit_test::framework::get<boost::unit_test::test_case>(which.p_id);
        auto& fixtures = unit.p_fixtures.value;
        // First to begin and last to end, so that other fixtures are seen to clean up.
        fixtures.insert(fixtures.begin(), boost::make_shared<per_case>());
    }
};

} // namespace

holdings holdings::now()
{
    return {own_processes(), open_descriptors(), mapped_memfds(), files_of_ours()};
}

leak_check::leak_check(std::chrono::milliseconds patience)
    : before_(holdings::now()), patience_(patience)
{
}

std::vector<std::string> leak_check::leaks() const
{
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    for (;;) {
        const holdings now = holdings::now();
        const auto lines = differences(before_, now);
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                              deadline - std::chrono::steady_clock::now())
                              .count();
        if (lines.empty() || left <= 0)
            return lines;

        const auto processes = added(before_.processes, now.processes);
        const auto alive = std::ranges::find_if_not(processes, &process_entry::zombie);
        if (alive != processes.end())
            wait_for_end(alive->pid, static_cast<int>(left));
        else
            ::poll(nullptr, 0, 2); // being reaped or removed by others is no event for us
    }
}

void check_leaks_in_every_case()
{
    add_to_cases visitor;
    boost::unit_test::traverse_test_tree(boost::unit_test::framework::master_test_suite(), visitor,
                                         true);
}

} // namespace zproc::test
