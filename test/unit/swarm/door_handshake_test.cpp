#include "swarm/door_handshake.hpp"

#include "protocol/body.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace zproc;
using namespace zproc::swarming;

namespace {

constexpr std::string_view secret = "8f14e45fceea167a5a36dedd4bea2543";
constexpr std::string_view other_secret = "c9f0f895fb98ab9159f51fd0297e236d";
constexpr std::string_view build = "\x01\xfe the same program";

protocol::nonce numbers(unsigned first)
{
    protocol::nonce out{};
    for (auto& each : out)
        each = static_cast<std::byte>(first++);
    return out;
}

door_token token_of(unsigned first)
{
    door_token out{};
    for (auto& each : out)
        each = static_cast<std::byte>(first++);
    return out;
}

/// The frames in some bytes; whatever is behind them is lost.
class frames {
public:
    explicit frames(std::string_view bytes)
    {
        const auto room = reader_.room();
        BOOST_REQUIRE(bytes.size() <= room.size());
        std::ranges::copy(bytes, room.begin());
        reader_.filled(bytes.size());
    }
    std::optional<frame> next() { return reader_.next(); }

private:
    frame_reader reader_{max_door_body};
};

/// Both sides of one handshake, and what was said.
struct conversation {
    std::string owners_secret{secret};
    std::string own_secret{secret};
    std::string owners_build{build};
    std::string own_build{build};
    door_hello who{};
    door_welcome said{7, token_of(50), 30'000, "swarm worker"};

    // What came of it.
    std::vector<std::string> packets{};
    bool let_in = false;
    bool believed = false;
    door_hello seen{};
    std::string build_seen{};
    door_welcome heard{};
    error_code error{};
    std::string text{};

    /// `change` may do something to each packet, by its number.
    template <class Change>
    void run(Change change)
    {
        introduction one;
        admission other(owners_secret, owners_build, numbers(100));
        who.build = own_build;
        std::string to_owner;
        BOOST_REQUIRE(!one.begin(who, own_secret, numbers(1), to_owner));
        for (int i = 0; i != 10 && !to_owner.empty(); ++i) {
            std::string back;
            change(packets.size(), to_owner);
            packets.push_back(to_owner);
            const bool over = hear(other, to_owner, back);
            to_owner.clear();
            change(packets.size(), back);
            packets.push_back(back);
            if (back.empty())
                return;
            hear(one, back, to_owner);
            if (over || error)
                return;
        }
    }
    void run()
    {
        run([](std::size_t, std::string&) {});
    }

private:
    /// True when nothing more is to come.
    bool hear(admission& owner, std::string_view bytes, std::string& back)
    {
        frames in(bytes);
        while (const auto f = in.next())
            switch (owner.take(*f, back)) {
            case admission::outcome::more: break;
            case admission::outcome::refused: return true;
            case admission::outcome::known:
                seen = owner.who();
                build_seen = seen.build;
                let_in = owner.welcome(said, back);
                return true;
            }
        return false;
    }
    void hear(introduction& own, std::string_view bytes, std::string& back)
    {
        frames in(bytes);
        while (const auto f = in.next())
            switch (own.take(*f, back)) {
            case introduction::outcome::more: break;
            case introduction::outcome::welcome:
                believed = true;
                heard = own.said();
                return;
            case introduction::outcome::refused:
                error = own.error();
                text = own.text();
                return;
            }
    }
};

void write(std::string& out, frame_kind kind, const protocol::buffer& body)
{
    frame f;
    f.kind = kind;
    f.body = {reinterpret_cast<const char*>(body.data()), body.size()};
    write_frame(out, f);
}

} // namespace

BOOST_AUTO_TEST_SUITE(swarm_door_handshake)

BOOST_AUTO_TEST_CASE(handshake_lets_a_host_in_who_knows_the_secret)
{
    conversation c;
    c.run();
    BOOST_TEST(c.let_in);
    BOOST_TEST(c.believed);
    BOOST_TEST((c.seen.role == door_role::host));
    BOOST_TEST(c.build_seen == build);
    BOOST_TEST(c.heard.host == 7u);
    BOOST_TEST((c.heard.token == c.said.token));
    BOOST_TEST(c.heard.silence_ms == 30'000u);
    BOOST_TEST(c.heard.name == "swarm worker");
    BOOST_TEST(c.packets.size() == 4u); // hello, challenge, proof, welcome
}

BOOST_AUTO_TEST_CASE(handshake_takes_one_turn_where_nobody_has_a_secret)
{
    conversation c;
    c.owners_secret = c.own_secret = "";
    c.run();
    BOOST_TEST(c.believed);
    BOOST_TEST(c.packets.size() == 2u);
}

BOOST_AUTO_TEST_CASE(handshake_carries_what_a_worker_shows)
{
    conversation c;
    c.who.role = door_role::worker;
    c.who.host = 7;
    c.who.worker = (std::uint64_t{1} << 40) + 3;
    c.who.token = token_of(9);
    c.run();
    BOOST_TEST(c.believed);
    BOOST_TEST((c.seen.role == door_role::worker));
    BOOST_TEST(c.seen.host == 7u);
    BOOST_TEST(c.seen.worker == c.who.worker);
    BOOST_TEST((c.seen.token == c.who.token));
}

BOOST_AUTO_TEST_CASE(handshake_refuses_another_build_with_advice)
{
    conversation c;
    c.own_build = "\xab another";
    c.run();
    BOOST_TEST(!c.let_in);
    BOOST_TEST((c.error == errc::wrong_build));
    BOOST_TEST(c.text.find("ab20616e") != c.text.npos); // which is whose
    BOOST_TEST(c.text.find("copy the executable") != c.text.npos);
}

BOOST_AUTO_TEST_CASE(handshake_tells_of_no_build_to_who_does_not_know_the_secret)
{
    conversation c;
    c.own_secret = other_secret;
    c.own_build = "another";
    c.run();
    BOOST_TEST((c.error == errc::not_authenticated));
    BOOST_TEST(c.text.find("same secret file") != c.text.npos);
}

BOOST_AUTO_TEST_CASE(handshake_refuses_who_has_no_secret_and_who_trusts_none)
{
    conversation without;
    without.own_secret = "";
    without.run();
    BOOST_TEST((without.error == errc::secret_required));
    BOOST_TEST(!without.text.empty());
    conversation trusting_none;
    trusting_none.owners_secret = "";
    trusting_none.run();
    BOOST_TEST((trusting_none.error == errc::not_authenticated));
    BOOST_TEST(!trusting_none.text.empty());
}

BOOST_AUTO_TEST_CASE(introduction_believes_no_owner_that_has_not_proven_itself)
{
    conversation silent; // says welcome at once
    silent.owners_secret = "";
    silent.run([&](std::size_t number, std::string& packet) {
        if (number != 1)
            return;
        admission owner({}, build, numbers(100));
        door_welcome said{1, token_of(1), 1000, ""};
        packet.clear();
        BOOST_REQUIRE(owner.welcome(said, packet));
    });
    BOOST_TEST(!silent.believed);
    BOOST_TEST((silent.error == errc::not_authenticated));

    conversation changed;
    changed.run([](std::size_t number, std::string& packet) {
        if (number == 3)
            ++packet[frame_head + 4]; // within the token of the welcome
    });
    BOOST_TEST(!changed.believed);
    BOOST_TEST((changed.error == errc::not_authenticated));
}

BOOST_AUTO_TEST_CASE(admission_refuses_a_hello_that_was_changed_on_its_way)
{
    conversation c;
    c.run([](std::size_t number, std::string& packet) {
        if (number == 0)
            packet.back() = static_cast<char>(packet.back() + 1); // of the nonce
    });
    BOOST_TEST(!c.let_in);
    BOOST_TEST((c.error == errc::not_authenticated));
}

BOOST_AUTO_TEST_CASE(admission_names_both_versions)
{
    conversation c;
    c.run([](std::size_t number, std::string& packet) {
        if (number != 0)
            return;
        protocol::buffer body;
        protocol::body_writer(body)
            .list(3)
            .bytes(std::as_bytes(std::span(door_magic)))
            .put(door_version + 41u)
            .text("whatever such a one says");
        packet.clear();
        write(packet, frame_kind::hello, body);
    });
    BOOST_TEST((c.error == errc::version_mismatch));
    BOOST_TEST(c.text.find("version 42") != c.text.npos);
    BOOST_TEST(c.text.find("same executable") != c.text.npos);
}

BOOST_AUTO_TEST_CASE(every_packet_cut_or_grown_is_refused)
{
    conversation whole;
    whole.run();
    for (std::size_t which = 0; which != whole.packets.size(); ++which) {
        const auto size = whole.packets[which].size() - frame_head;
        for (std::size_t left = 0; left != size + 2; ++left) {
            if (left == size)
                continue;
            conversation c;
            c.run([&](std::size_t number, std::string& packet) {
                if (number != which)
                    return;
                packet.resize(frame_head + left, '\0');
                const auto length = static_cast<std::uint32_t>(left);
                std::copy_n(reinterpret_cast<const char*>(&length), sizeof length, packet.begin());
            });
            BOOST_TEST(!c.believed);
            BOOST_TEST(c.error.failed());
            BOOST_TEST(!c.text.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(every_packet_twice_is_refused_or_changes_nothing)
{
    for (std::size_t which = 0; which != 4; ++which) {
        conversation c;
        c.run([&](std::size_t number, std::string& packet) {
            if (number == which)
                packet += packet;
        });
        BOOST_TEST((c.believed == (which == 2 || which == 3))); // the second comes after the end
    }
}

BOOST_AUTO_TEST_CASE(frames_of_strangers_are_refused_by_their_length)
{
    std::string bytes;
    frame f;
    f.kind = frame_kind::hello;
    const std::string body(max_door_body + 1, 'x');
    f.body = body;
    write_frame(bytes, f);
    frame_reader reader(max_door_body);
    const auto room = reader.room();
    std::copy_n(bytes.begin(), frame_head, room.begin()); // the head alone
    reader.filled(frame_head);
    BOOST_TEST(!reader.next().has_value());
    BOOST_TEST(reader.is_broken());
}

BOOST_AUTO_TEST_CASE(take_refuses_whatever_is_not_its_turn)
{
    for (auto kind = static_cast<int>(frame_kind::block);
         kind <= static_cast<int>(frame_kind::ended); ++kind) {
        frame f;
        f.kind = static_cast<frame_kind>(kind);
        std::string out;
        admission owner(secret, build, numbers(1));
        BOOST_TEST((owner.take(f, out) == admission::outcome::refused));
        BOOST_TEST(!out.empty());
        introduction one;
        std::string hello;
        BOOST_REQUIRE(!one.begin({}, secret, numbers(1), hello));
        out.clear();
        BOOST_TEST((one.take(f, out) == introduction::outcome::refused));
        BOOST_TEST(out.empty());
        BOOST_TEST(one.error().failed());
    }
}

BOOST_AUTO_TEST_CASE(refusals_with_unknown_reasons_are_none_of_ours)
{
    for (const std::uint64_t why : {std::uint64_t{0}, std::uint64_t{4711}}) {
        protocol::buffer body;
        protocol::body_writer(body).list(2).put(why).bytes({});
        std::string bytes;
        write(bytes, frame_kind::refused, body);
        introduction one;
        std::string out;
        BOOST_REQUIRE(!one.begin({}, {}, numbers(1), out));
        frames in(bytes);
        BOOST_TEST((one.take(*in.next(), out) == introduction::outcome::refused));
        BOOST_TEST((one.error() == errc::not_a_zproc_server));
    }
}

BOOST_AUTO_TEST_SUITE_END()
