#include "support/sandbox.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <limits>
#include <set>
#include <string>

#include <unistd.h>

namespace fs = std::filesystem;
using zproc::test::sandbox;

namespace {

/// No process has this number: the kernel gives none above 2^22.
const std::string nobody = std::to_string(std::numeric_limits<pid_t>::max());

/// A place like /tmp, with directories in it that have a file each.
class crowded_place {
public:
    crowded_place() = default;
    crowded_place(const crowded_place&) = delete;
    crowded_place& operator=(const crowded_place&) = delete;
    ~crowded_place() { fs::remove_all(path); }

    void add(const std::string& name) const { fs::create_directories(path / name / "file"); }

    std::set<std::string> names() const
    {
        std::set<std::string> found;
        for (const auto& each : fs::directory_iterator(path))
            found.insert(each.path().filename());
        return found;
    }

    const fs::path path = sandbox::make_directory();
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_sandbox)

BOOST_AUTO_TEST_CASE(sweep_removes_what_a_program_left_that_has_ended)
{
    const crowded_place place;
    place.add("zproc-test-" + nobody + "-7hQx2c");
    place.add("zproc-test-" + std::to_string(::getpid()) + "-7hQx2c");
    sandbox::sweep(place.path);
    const std::set<std::string> expected{"zproc-test-" + std::to_string(::getpid()) + "-7hQx2c"};
    BOOST_TEST((place.names() == expected));
}

BOOST_AUTO_TEST_CASE(sweep_leaves_a_name_that_only_begins_like_a_number)
{
    // mkdtemp() gives one in seven of its names a digit to begin with.
    const crowded_place place;
    const std::set<std::string> names{"zproc-test-" + nobody,  "zproc-test-" + nobody + "hQx2c",
                                      "zproc-test--" + nobody, "zproc-test--" + nobody + "-",
                                      "zproc-test-0-7hQx2c",   "zproc-test-" + nobody + "0-",
                                      "zproc-test-",           "zproc-test-hQx2c7",
                                      "zproc-" + nobody + "-", "test-" + nobody + "-7hQx2c"};
    for (const auto& each : names)
        place.add(each);
    sandbox::sweep(place.path);
    BOOST_TEST((place.names() == names));
}

BOOST_AUTO_TEST_CASE(sweep_leaves_a_directory_in_use)
{
    const crowded_place place;
    place.add("file");
    sandbox::sweep(place.path.parent_path());
    BOOST_TEST((place.names() == std::set<std::string>{"file"}));
}

BOOST_AUTO_TEST_SUITE_END()
