#include <zproc/detail/call.hpp>
#include <zproc/detail/packing.hpp>

#include <boost/serialization/set.hpp>
#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace zproc::detail;

struct job {
    int id = 0;
    std::string title;

    bool operator==(const job&) const = default;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id & title;
    }
};

class closed_job {
    friend class boost::serialization::access;

    template <class Archive>
    void serialize(Archive& archive, unsigned)
    {
        archive & id_;
    }

    int id_ = 0;
};

namespace elsewhere {

struct point {
    int x = 0;
};

template <class Archive>
void serialize(Archive& archive, point& p, unsigned)
{
    archive & p.x;
}

struct opaque {
    int x = 0;
};

} // namespace elsewhere

enum class colour : char { red, green };

static_assert(can_cross<int>() && can_cross<colour>() && can_cross<std::string>());
static_assert(can_cross<job>() && can_cross<closed_job>());
static_assert(can_cross<elsewhere::point>());
static_assert(can_cross<std::vector<job>>() && can_cross<std::set<int>>());
static_assert(can_cross<std::map<std::string, int>>() && can_cross<std::pair<int, job>>());
static_assert(!can_cross<elsewhere::opaque>());
static_assert(!can_cross<std::vector<elsewhere::opaque>>());
static_assert(!can_cross<int*>() && !can_cross<const char*>());

template <class T>
void check_round_trip(const T& value)
{
    const auto bytes = pack(value);
    BOOST_TEST((unpack<T>(bytes) == value));

    // Whatever is missing or left over is an error, and nothing worse.
    for (std::size_t size = 0; size != bytes.size(); ++size)
        BOOST_CHECK_EXCEPTION(
            unpack<T>(bytes.substr(0, size)), zproc::system_error,
            [](const auto& e) { return e.code() == zproc::errc::not_serializable; });
    BOOST_CHECK_THROW(unpack<T>(bytes + '\0'), zproc::system_error);
}

} // namespace

BOOST_AUTO_TEST_SUITE(packing)

BOOST_AUTO_TEST_CASE(unpack_gives_the_value_that_was_packed)
{
    check_round_trip(42);
    check_round_trip(true);
    check_round_trip(-0.5);
    check_round_trip(colour::green);
    check_round_trip(std::string("a\0b", 3));
    check_round_trip(std::vector<int>{1, 2, 3});
    check_round_trip(std::vector<bool>{true, false, true});
    check_round_trip(job{7, "a name long enough to be on the heap"});
    check_round_trip(std::vector<job>{{1, "one"}, {2, "two"}});
    check_round_trip(std::map<std::string, job>{{"x", {1, "y"}}});
    check_round_trip(std::tuple<int, std::string, job>{1, "two", {3, "three"}});
    check_round_trip(std::tuple<int>{1});
}

BOOST_AUTO_TEST_CASE(pack_takes_no_bytes_without_arguments)
{
    BOOST_TEST(pack(std::tuple<>()).empty());
    unpack<std::tuple<>>("");
}

BOOST_AUTO_TEST_CASE(unpack_fails_when_a_plain_vector_has_a_torn_element)
{
    auto bytes = pack(std::vector<int>{1, 2});
    bytes.resize(bytes.size() - 1);
    bytes[0] = 7;
    BOOST_CHECK_THROW(unpack<std::vector<int>>(bytes), zproc::system_error);
}

BOOST_AUTO_TEST_SUITE_END()
