#include "supervisor/messages.hpp"

#include <boost/test/unit_test.hpp>

#include <cstddef>
#include <string>
#include <vector>

using namespace zproc::supervision;
using std::chrono::milliseconds;

namespace {

exit_report some_exit()
{
    exit_report exit;
    exit.signalled = true;
    exit.number = 11;
    exit.core = true;
    exit.user_time = std::chrono::microseconds(1'234'567);
    exit.system_time = std::chrono::microseconds(2);
    exit.max_resident_kib = 1LL << 40;
    exit.minor_faults = 3;
    exit.major_faults = 4;
    exit.voluntary_switches = 5;
    exit.involuntary_switches = 6;
    return exit;
}

std::vector<any_message> samples()
{
    message::spawn full;
    full.request = ~0ULL;
    full.entry = 0x5555'0000'1234;
    full.name = "eater";
    full.payload = std::string("a\0b", 3);
    full.grace = milliseconds(0);
    full.service = true;
    full.restart.when = restart_rules::mode::always;
    full.restart.exceptions = true;
    full.restart.signals = {11, -1};
    full.restart.codes = {3};
    full.restart.limit = 7;
    full.restart.delay = milliseconds(1);
    full.restart.longest = milliseconds(2);
    full.restart.factor = 1.5;
    full.restart.jitter = 0.25;
    full.restart.healthy_after = milliseconds(4);
    full.environment = std::vector<std::string>{"A=1", "", "B="};
    full.directory = "/tmp";
    full.file_mask = 0077;
    full.limits = {7, 1024, 4096};
    full.command = std::vector<std::string>{"ls", ""};
    full.linked = true;
    message::spawn bare;
    bare.environment.emplace();
    return {full,
            bare,
            message::stop{1, milliseconds(-1)},
            message::signal{2, 15},
            message::keep{"ring"},
            message::drop{""},
            message::leave{milliseconds(20)},
            message::hello{"/tmp/zproc-x", 4, 5, "forking", true, zproc::isolation_level::cgroup,
                           "/sys/fs/cgroup/zproc-1", 77},
            message::started{6, 7, 8},
            message::failed{9, 11},
            message::threw{true},
            message::ready{},
            message::progress{10, message::progress::phase::backoff, 3, 12, some_exit(),
                              milliseconds(13)},
            message::exited{13, some_exit(), 2, "linked"},
            message::link{1, 2},
            message::reported{3},
            message::report{1, 2, message::report::state::failed, "a", 3, 4, 5, 6, true,
                            some_exit(), "b"},
            message::gone{14, true}};
}

std::vector<std::byte> encoded(const any_message& m)
{
    std::vector<std::byte> out;
    encode(m, out);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(supervisor_messages)

BOOST_AUTO_TEST_CASE(decode_gives_back_what_was_encoded)
{
    for (const auto& each : samples())
        BOOST_TEST_CONTEXT("kind " << each.index())
        {
            const auto back = decode(encoded(each));
            BOOST_TEST_REQUIRE(back.has_value());
            BOOST_TEST((*back == each));
        }
}

BOOST_AUTO_TEST_CASE(encode_replaces_what_was_there)
{
    auto out = encoded(samples()[0]);
    encode(message::gone{1}, out);
    BOOST_TEST((out == encoded(message::gone{1})));
}

BOOST_AUTO_TEST_CASE(decode_skips_a_field_it_does_not_know)
{
    for (const unsigned number : {63u, 64u, 255u}) {
        auto packet = encoded(message::stop{5, milliseconds(6)});
        for (const unsigned each : {number, 2u, 0u, 0u, 0u, 1u, 2u})
            packet.push_back(static_cast<std::byte>(each));
        const auto back = decode(packet);
        BOOST_TEST_REQUIRE(back.has_value());
        BOOST_TEST((*back == any_message(message::stop{5, milliseconds(6)})));
    }
}

BOOST_AUTO_TEST_CASE(decode_takes_defaults_for_absent_fields)
{
    const auto packet = std::vector{static_cast<std::byte>(any_message(message::stop{}).index())};
    const auto back = decode(packet);
    BOOST_TEST_REQUIRE(back.has_value());
    BOOST_TEST((*back == any_message(message::stop{})));
}

BOOST_AUTO_TEST_CASE(decode_fails_without_a_crash_on_any_cut_or_flipped_byte)
{
    BOOST_TEST(!decode({}).has_value());
    BOOST_TEST(!decode(std::vector{std::byte{200}}).has_value());
    for (const auto& each : samples()) {
        const auto whole = encoded(each);
        for (std::size_t size = 0; size != whole.size(); ++size) {
            const std::vector cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            if (const auto back = decode(cut))
                BOOST_TEST((*back != each || encoded(*back).size() >= size));
        }
        for (std::size_t at = 0; at != whole.size(); ++at)
            for (unsigned bit = 0; bit != 8; ++bit) {
                auto flipped = whole;
                flipped[at] ^= static_cast<std::byte>(1u << bit);
                decode(flipped); // whatever it says, it says it in bounds
            }
    }
}

BOOST_AUTO_TEST_CASE(decode_refuses_a_number_that_does_not_fit)
{
    // field 2 of `signal` is 32 bits wide; 9 bytes of a list end without its zero
    auto packet = std::vector{static_cast<std::byte>(any_message(message::signal{}).index())};
    for (const unsigned each : {2u, 8u, 0u, 0u, 0u, 0u, 0u, 0u, 0u, 1u, 0u, 0u, 0u})
        packet.push_back(static_cast<std::byte>(each));
    BOOST_TEST(!decode(packet).has_value());

    packet = {static_cast<std::byte>(any_message(message::spawn{}).index())};
    for (const unsigned each : {9u, 1u, 0u, 0u, 0u, 65u})
        packet.push_back(static_cast<std::byte>(each));
    BOOST_TEST(!decode(packet).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
