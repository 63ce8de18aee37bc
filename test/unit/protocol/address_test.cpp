#include "protocol/address.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <ostream>

using namespace zproc;
using namespace zproc::protocol;

namespace {

struct good_row {
    const char* written;
    const char* canonical;
    const char* host;
    std::uint16_t port;
    const char* path;
};
std::ostream& operator<<(std::ostream& out, const good_row& row)
{
    return out << row.written;
}
const good_row good_rows[] = {
    {"unix:///run/state", "unix:///run/state", "", 0, "/run/state"},
    {"unix://state", "unix://state", "", 0, "state"},
    {"unix://a b:c", "unix://a b:c", "", 0, "a b:c"},
    {"tcp://127.0.0.1:4711", "tcp://127.0.0.1:4711", "127.0.0.1", 4711, ""},
    {"tcp://Build-7.Example.org:1", "tcp://build-7.example.org:1", "build-7.example.org", 1, ""},
    {"tcp://a_b:65535", "tcp://a_b:65535", "a_b", 65535, ""},
    {"tcp://host:00080", "tcp://host:80", "host", 80, ""},
    {"tcp://[::1]:80", "tcp://[::1]:80", "::1", 80, ""},
    {"tcp://[2001:DB8::7]:80", "tcp://[2001:db8::7]:80", "2001:db8::7", 80, ""},
    {"tcp://[::ffff:192.0.2.1]:80", "tcp://[::ffff:192.0.2.1]:80", "::ffff:192.0.2.1", 80, ""},
    {"tcp://[FE80::1%Eth0]:80", "tcp://[fe80::1%Eth0]:80", "fe80::1%Eth0", 80, ""},
};

struct bad_row {
    const char* written;
    const char* why;
};
std::ostream& operator<<(std::ostream& out, const bad_row& row)
{
    return out << row.written;
}
const bad_row bad_rows[] = {
    {"", "is empty"},
    {"/run/state", "neither unix:// nor tcp://"},
    {"unix:/run/state", "neither unix:// nor tcp://"},
    {"UNIX:///run/state", "neither unix:// nor tcp://"},
    {"http://host:80", "neither unix:// nor tcp://"},
    {"unix://", "no path"},
    {"tcp://", "no host"},
    {"tcp://:80", "no host"},
    {"tcp://host", "no port"},
    {"tcp://host:", "no port behind"},
    {"tcp://host:http", "no number"},
    {"tcp://host:80/path", "no number"},
    {"tcp://host:-1", "no number"},
    {"tcp://host: 80", "no number"},
    {"tcp://host:65536", "above 65535"},
    {"tcp://host:99999999999999999999", "above 65535"},
    {"tcp://host:0", "port 0"},
    {"tcp://::1:80", "stand in brackets"},
    {"tcp://user@host:80", "no name and no number"},
    {"tcp://ho st:80", "no name and no number"},
    {"tcp://-host:80", "no name and no number"},
    {"tcp://h\xc3\xb6st:80", "no name and no number"},
    {"tcp://[::1:80", "[ without a ]"},
    {"tcp://[]:80", "no IPv6 address"},
    {"tcp://[host]:80", "no IPv6 address"},
    {"tcp://[127.0.0.1]:80", "no IPv6 address"},
    {"tcp://[::1%]:80", "no IPv6 address"},
    {"tcp://[::1]", "no port"},
    {"tcp://[::1]80", "no port"},
};

} // namespace

BOOST_AUTO_TEST_SUITE(protocol_address)

BOOST_DATA_TEST_CASE(address_is_understood_and_printed, boost::unit_test::data::make(good_rows),
                     row)
{
    address a;
    std::string text;
    BOOST_TEST(!parse_address(row.written, side::client, a, text).failed());
    BOOST_TEST(text.empty());
    BOOST_TEST(a.host == row.host);
    BOOST_TEST(a.port == row.port);
    BOOST_TEST(a.path == row.path);
    BOOST_TEST(a.is_tcp() == (a.path.empty()));
    BOOST_TEST(to_string(a) == row.canonical);
    address again;
    BOOST_TEST(!parse_address(to_string(a), side::client, again, text).failed());
    BOOST_TEST((again == a));
}

BOOST_DATA_TEST_CASE(address_is_refused_and_explained, boost::unit_test::data::make(bad_rows), row)
{
    address a;
    std::string text;
    BOOST_TEST((parse_address(row.written, side::client, a, text) == errc::bad_address));
    BOOST_TEST_CONTEXT(text) BOOST_TEST(text.find(row.why) != std::string::npos);
    BOOST_TEST(text.find("write unix://") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(port_zero_is_for_servers)
{
    address a;
    std::string text;
    BOOST_TEST(!parse_address("tcp://[::]:0", side::server, a, text).failed());
    BOOST_TEST(a.port == 0);
}

BOOST_AUTO_TEST_CASE(lengths_are_limited)
{
    address a;
    std::string text;
    const std::string path(max_socket_path, 'p');
    BOOST_TEST(!parse_address("unix://" + path, side::client, a, text).failed());
    BOOST_TEST((parse_address("unix://" + path + "p", side::client, a, text) == errc::bad_address));
    BOOST_TEST(text.find("108 bytes") != std::string::npos);
    const std::string host(max_host_bytes, 'h');
    BOOST_TEST(!parse_address("tcp://" + host + ":1", side::client, a, text).failed());
    BOOST_TEST(
        (parse_address("tcp://" + host + "h:1", side::client, a, text) == errc::bad_address));
    BOOST_TEST((parse_address(std::string("unix://a\0b", 10), side::client, a, text) ==
                errc::bad_address));
    // What cannot be shown is not.
    BOOST_TEST(text.find('\0') == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
