#include "unit/server/session_fixture.hpp"

#include <algorithm>
#include <random>

using namespace session_test;

BOOST_AUTO_TEST_SUITE(server_session_fsm)

BOOST_AUTO_TEST_CASE(greeting_opens_a_session)
{
    house h;
    peer p(h, 0);
    const auto welcome = p.greet();
    BOOST_TEST(welcome.session == 1001u);
    BOOST_TEST(!welcome.resumed);
    BOOST_TEST(welcome.pid == 42u);
    BOOST_TEST(welcome.epoch == 3u);
    BOOST_TEST(p.machine.greeted());
    BOOST_TEST(h.shared.data->knows_session(1001));
}

BOOST_AUTO_TEST_CASE(who_names_the_process_of_a_session)
{
    house h;
    peer eater(h, 0);
    peer baker(h, 1);
    const auto one = eater.greet(0, {}, 0, 4711, "eater").session;
    const auto other = baker.greet().session; // says nothing of itself
    const auto ask = [&](std::uint64_t session) {
        baker.ask(who_request{session});
        baker.send();
    };
    ask(one);
    const auto f = baker.next();
    who_reply reply;
    BOOST_TEST_REQUIRE(!decode(f.body, reply).failed());
    BOOST_TEST(reply.pid == 4711u);
    BOOST_TEST(reply.name == "eater");
    ask(other);
    BOOST_TEST(baker.answer<who_reply>().pid == 0u);

    // Away, or come back and saying something else: it is who began.
    eater.machine.disconnected(1, 1);
    ask(one);
    BOOST_TEST(baker.answer<who_reply>().pid == 4711u);
    peer again(h, 2);
    BOOST_TEST(again.greet(one, {}, 0, 4712, "impostor").resumed);
    ask(one);
    BOOST_TEST(baker.answer<who_reply>().pid == 4711u);

    h.shared.data->close_session(one, 2);
    for (const std::uint64_t unknown : {one, std::uint64_t{0}, std::uint64_t{999}}) {
        ask(unknown);
        const auto refused = baker.next();
        BOOST_TEST((refused.error() == errc::no_such_key));
        BOOST_TEST(error_text(refused.body).starts_with("this session has ended"));
    }
}

BOOST_AUTO_TEST_CASE(observer_reads_without_a_session_and_changes_nothing)
{
    house h;
    peer writer(h, 0);
    writer.greet();
    writer.ask(set_request{by(1), "n", "k", seven});
    writer.send();
    writer.next();
    const auto written = h.shared.data->ring().written();

    peer p(h, 1);
    client_hello hello;
    hello.observer = true;
    write_hello(p.to_send, 0, hello);
    p.ask(get_request{"n", "k"});
    p.ask(attach_request());
    p.ask(set_request{by(1), "n", "k", seven});
    p.ask(ping_request());
    p.send();
    server_hello welcome;
    std::string text;
    BOOST_TEST(!read_welcome(p.next(), welcome, text, true).failed());
    BOOST_TEST(welcome.session == 0u);
    BOOST_TEST(welcome.epoch == 3u);
    BOOST_TEST(p.answer<get_reply>().revision == 1u);
    BOOST_TEST(p.answer<attach_reply>().epoch == 3u);
    BOOST_TEST(p.machine.attachments().size() == 1u);
    const auto refused = p.next();
    BOOST_TEST((refused.error() == errc::unknown_operation));
    BOOST_TEST(error_text(refused.body).find("observer") != std::string::npos);
    BOOST_TEST(p.answer<ping_reply>().pid == 42u);
    BOOST_TEST(p.machine.greeted());
    BOOST_TEST(!p.machine.displaced());
    BOOST_TEST(!p.machine.closing());

    p.machine.disconnected(9, 1);
    BOOST_TEST(h.shared.sessions.nobody_away());
    BOOST_TEST(h.shared.data->ring().written() == written);
    BOOST_TEST(h.shared.data->revision("n") == 1u);
}

BOOST_AUTO_TEST_CASE(observer_may_be_woken_and_is_forgotten_when_it_goes)
{
    house h;
    peer p(h, 4);
    client_hello hello;
    hello.observer = true;
    write_hello(p.to_send, 0, hello);
    p.ask(watch_request{1, "n", {}});
    p.send();
    p.next();
    p.answer<watch_reply>();
    BOOST_TEST(h.shared.who.count(4) == 1u);
    p.machine.disconnected(9, 1);
    BOOST_TEST(h.shared.who.count(4) == 0u);
}

BOOST_AUTO_TEST_CASE(requests_are_answered_in_order_with_their_correlation)
{
    house h;
    peer p(h, 0);
    p.greet();
    p.ask(set_request{by(1), "n", "k", seven}, 11);
    p.ask(get_request{"n", "k"}, 12);
    p.ask(ping_request(), 13);
    p.send();
    auto f = p.next();
    BOOST_TEST(f.correlation == 11u);
    mutation_reply set;
    BOOST_TEST(!decode(f.body, set).failed());
    BOOST_TEST(set.revision == 1u);
    f = p.next();
    BOOST_TEST(f.correlation == 12u);
    get_reply get;
    BOOST_TEST(!decode(f.body, get).failed());
    BOOST_TEST(get.value->size() == 1u);
    BOOST_TEST(p.answer<ping_reply>().pid == 42u);
}

BOOST_AUTO_TEST_CASE(each_request_of_one_read_is_told_to_the_host)
{
    house h;
    peer p(h, 0);
    std::uint64_t largest = 0;
    std::uint64_t before = 0;
    h.shared.after_request = [&] {
        const auto now = h.shared.data->ring().written();
        largest = std::max(largest, now - std::exchange(before, now));
    };
    p.greet();
    for (std::uint64_t i = 1; i != 500; ++i)
        p.ask(set_request{by(i, i - 1), "n", "k", seven});
    p.send();
    BOOST_TEST(before > h.shared.data->ring().capacity() / 2);
    BOOST_TEST(largest <= h.shared.data->ring().capacity() / 4);
}

/// One byte at a time, or all at once: the same answers.
BOOST_AUTO_TEST_CASE(requests_may_be_cut_anywhere)
{
    house h;
    peer p(h, 0);
    write_hello(p.to_send, 0, {});
    for (std::uint64_t i = 1; i != 20; ++i)
        p.ask(set_request{by(i), "n", "k", seven});
    const auto bytes = std::exchange(p.to_send, {});
    for (const auto byte : bytes) {
        p.to_send.assign(1, byte);
        p.send();
    }
    p.next();
    for (std::uint64_t i = 1; i != 20; ++i)
        BOOST_TEST(p.answer<mutation_reply>().revision == i);
}

BOOST_AUTO_TEST_CASE(resume_moves_the_session_and_silences_the_older_connection)
{
    house h;
    peer old(h, 0);
    const auto session = old.greet().session;
    old.ask(set_request{by(1), "n", "k", seven});
    old.send();
    BOOST_TEST(old.answer<mutation_reply>().revision == 1u);

    peer fresh(h, 1);
    const auto welcome = fresh.greet(session, h.shared.about.instance);
    BOOST_TEST(welcome.resumed);
    BOOST_TEST(welcome.session == session);
    BOOST_TEST((h.shared.displaced == std::vector<seat>{0}));
    BOOST_TEST(old.machine.displaced());
    BOOST_TEST(!fresh.machine.displaced());
    BOOST_TEST(!peer(h, 0).machine.displaced()); // who has taken the seat since

    // What arrives on the older one now is not applied.
    old.ask(set_request{by(2), "n", "k", seven});
    old.send();
    BOOST_TEST(old.machine.closing());
    BOOST_TEST(old.silent());
    BOOST_TEST(h.shared.data->revision("n") == 1u);

    // Sent again: the first is known, the second is not.
    fresh.ask(set_request{by(1), "n", "k", seven});
    fresh.ask(set_request{by(2), "n", "k", seven});
    fresh.send();
    BOOST_TEST(fresh.answer<mutation_reply>().revision == 1u);
    BOOST_TEST(fresh.answer<mutation_reply>().revision == 2u);
}

BOOST_AUTO_TEST_CASE(resume_does_not_apply_out_of_order_what_changed_nothing_in_its_turn)
{
    house h;
    peer old(h, 0);
    const auto session = old.greet().session;
    old.ask(erase_request{by(1), "n", {"k"}});
    old.ask(set_request{by(2), "n", "k", seven});
    old.send();

    peer fresh(h, 1);
    BOOST_TEST(fresh.greet(session, h.shared.about.instance).resumed);
    fresh.ask(erase_request{by(1), "n", {"k"}});
    fresh.ask(set_request{by(2), "n", "k", seven});
    fresh.send();
    BOOST_TEST((fresh.next().error() == errc::outcome_unknown));
    BOOST_TEST(fresh.answer<mutation_reply>().revision == 1u);
    BOOST_TEST(h.shared.data->contains("n", "k"));
}

BOOST_AUTO_TEST_CASE(resume_of_an_unknown_session_makes_a_new_one_and_says_so)
{
    house h;
    struct {
        const char* name;
        std::uint64_t session;
        instance_id instance;
    } const rows[] = {{"never seen", 5, h.shared.about.instance},
                      {"of another instance", 1001, {std::byte{1}}}};
    peer first(h, 0);
    first.greet();
    seat where = 1;
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            peer p(h, where++);
            const auto welcome = p.greet(row.session, row.instance);
            BOOST_TEST(!welcome.resumed);
            BOOST_TEST(welcome.session != row.session);
        }
    }
}

BOOST_AUTO_TEST_CASE(resume_acknowledges_what_the_client_has)
{
    house h;
    peer p(h, 0);
    const auto session = p.greet().session;
    for (std::uint64_t i = 1; i != 6; ++i)
        p.ask(set_request{by(i), "n", "k", seven});
    p.send();
    BOOST_TEST(h.shared.data->known_sessions().kept_by(session) == 5u);
    peer q(h, 1);
    q.greet(session, {}, 3);
    BOOST_TEST(h.shared.data->known_sessions().kept_by(session) == 2u);
}

struct refusal {
    const char* name;
    std::function<void(peer&)> send;
    errc error;
    bool closes;
};

BOOST_AUTO_TEST_CASE(bad_requests_have_an_error_each_and_only_strangers_are_closed)
{
    const auto garbage = [](peer& p) {
        const std::string_view text = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
        const auto bytes = std::as_bytes(std::span(text));
        p.to_send.insert(p.to_send.end(), bytes.begin(), bytes.end());
    };
    const auto raw = [](operation code, std::vector<unsigned> body, std::uint16_t status = 0) {
        return [=](peer& p) {
            const auto at = begin_frame(p.to_send, 1, code, status);
            for (const auto byte : body)
                p.to_send.push_back(static_cast<std::byte>(byte));
            end_frame(p.to_send, at);
        };
    };
    std::vector<std::byte> deep(70, std::byte{0x91});
    deep.push_back(std::byte{7});
    const std::byte invalid[] = {std::byte{0xc1}};
    const std::vector<std::byte> large(1u << 20, std::byte{0x90});
    const refusal rows[] = {
        {"no array", raw(operation::get, {7}), errc::malformed_frame, true},
        {"empty body", raw(operation::get, {}), errc::malformed_frame, true},
        {"another hello", [](peer& p) { write_hello(p.to_send, 1, {}); }, errc::unknown_operation,
         false},
        {"operation 999", raw(static_cast<operation>(999), {0x90}), errc::unknown_operation, false},
        {"status in a request", raw(operation::ping, {0x90}, 3), errc::malformed_frame, true},
        {"garbage", garbage, errc::frame_too_large, true},
        {"empty namespace", [](peer& p) { p.ask(get_request{"", "k"}); }, errc::empty_namespace,
         false},
        {"long key", [](peer& p) { p.ask(get_request{"n", std::string(5000, 'k')}); },
         errc::too_large, false},
        {"long namespace", [](peer& p) { p.ask(get_request{std::string(256, 'n'), "k"}); },
         errc::too_large, false},
        {"deep value", [&](peer& p) { p.ask(set_request{by(1), "n", "k", deep}); },
         errc::value_too_deep, false},
        {"invalid value", [&](peer& p) { p.ask(set_request{by(1), "n", "k", invalid}); },
         errc::malformed_value, false},
        {"number 0", [&](peer& p) { p.ask(set_request{by(0), "n", "k", seven}); },
         errc::malformed_frame, true},
        {"attach without its descriptor", [](peer& p) { p.ask(attach_request{true}); },
         errc::malformed_frame, true},
        {"increment of a list",
         [](peer& p) {
             const std::byte list[] = {std::byte{0x90}};
             p.ask(increment_request{operation::increment, by(1), "n", "k", list});
         },
         errc::type_mismatch, false},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            house h;
            peer p(h, 0);
            p.greet();
            row.send(p);
            p.send();
            BOOST_TEST((p.next().error() == row.error));
            BOOST_TEST(p.machine.closing() == row.closes);
            BOOST_TEST(h.shared.data->revision("n") == 0u);
            if (row.closes)
                continue;
            p.ask(set_request{by(2), "n", "k", seven});
            p.send();
            BOOST_TEST(p.answer<mutation_reply>().revision == 1u);
        }
    }
}

BOOST_AUTO_TEST_CASE(mismatches_name_both_types)
{
    house h;
    peer p(h, 0);
    p.greet();
    const auto text = pack("x"), list = pack(list_of(1)), one = pack(1);
    p.ask(set_request{by(1), "n", "text", text});
    p.ask(increment_request{operation::increment, by(2), "n", "text", one});
    p.ask(increment_request{operation::decrement, by(3), "n", "nobody", list});
    p.ask(append_request{by(4), "n", "text", one});
    p.send();
    p.answer<mutation_reply>();
    for (const char* expected :
         {"wanted: numbers, in string + integer", "wanted: numbers, in nothing - list",
          "held: string, wanted: list"}) {
        const auto answer = p.next();
        BOOST_TEST((answer.error() == errc::type_mismatch));
        BOOST_TEST(error_text(answer.body) == expected);
    }
}

BOOST_AUTO_TEST_CASE(bad_first_frames_have_an_error_each)
{
    const auto hello = [](std::uint16_t spoken) {
        return [spoken](peer& p) {
            client_hello h;
            h.version = spoken;
            write_hello(p.to_send, 0, h);
        };
    };
    const refusal rows[] = {
        {"garbage",
         [](peer& p) {
             const std::string_view text = "GET / HTTP/1.1\r\n";
             const auto bytes = std::as_bytes(std::span(text));
             p.to_send.assign(bytes.begin(), bytes.end());
         },
         errc::malformed_frame, true},
        {"a request before the hello", [](peer& p) { p.ask(ping_request()); },
         errc::malformed_frame, true},
        {"another version", hello(version + 1), errc::version_mismatch, true},
        {"version 0", hello(0), errc::version_mismatch, true},
        {"a hello that is too large",
         [](peer& p) {
             const auto at = begin_frame(p.to_send, 0, operation::hello);
             p.to_send.resize(p.to_send.size() + max_hello_bytes + 1);
             end_frame(p.to_send, at);
         },
         errc::frame_too_large, true},
        {"an empty hello",
         [](peer& p) { end_frame(p.to_send, begin_frame(p.to_send, 0, operation::hello)); },
         errc::malformed_frame, true},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            house h;
            peer p(h, 0);
            row.send(p);
            p.send();
            const auto f = p.next();
            BOOST_TEST((f.error() == row.error));
            BOOST_TEST(!error_text(f.body).empty());
            BOOST_TEST(p.machine.closing());
            BOOST_TEST(h.shared.data->known_sessions().count() == 0u);
        }
    }
}

BOOST_AUTO_TEST_CASE(conflict_brings_the_present)
{
    house h;
    peer p(h, 0);
    p.greet();
    p.ask(set_request{by(1), "n", "k", seven});
    p.ask(commit_request{by(2), "n", 0, {{"k", 0}, {"m", 0}}, {{"k", bytes_view(seven)}}});
    p.send();
    p.next();
    const auto f = p.next();
    BOOST_TEST((f.error() == errc::conflict));
    conflict_reply reply;
    BOOST_TEST(!decode(f.body, reply).failed());
    BOOST_TEST(reply.revision == 1u);
    BOOST_TEST(reply.scan_failed);
    BOOST_TEST_REQUIRE(reply.items.size() == 2u);
    BOOST_TEST(reply.items[0].modified == 1u);
    BOOST_TEST(reply.items[0].value->size() == 1u);
    BOOST_TEST(!reply.items[1].value.has_value());
}

BOOST_AUTO_TEST_CASE(conflict_of_an_addition_brings_what_it_cannot_be_added_to)
{
    house h;
    peer p(h, 0);
    p.greet();
    const auto text = pack("x");
    const auto most = pack(INT64_MAX);
    p.ask(update_request{by(1), "n", {{"text", text}, {"most", most}, {"seven", seven}}});
    p.ask(commit_request{
        by(2), "n", {}, {{"text", 1}}, {}, 0, {{"seven", seven}, {"most", seven}, {"new", seven}}});
    p.ask(get_request{"n", "seven"});
    p.ask(
        commit_request{by(3), "n", {}, {}, {{"text", {}}}, 0, {{"seven", seven}, {"new", seven}}});
    p.send();
    p.next();
    const auto f = p.next();
    BOOST_TEST((f.error() == errc::conflict));
    conflict_reply reply;
    BOOST_TEST(!decode(f.body, reply).failed());
    BOOST_TEST(!reply.scan_failed);
    BOOST_TEST_REQUIRE(reply.items.size() == 2u);
    BOOST_TEST(reply.items[0].key == "text");
    BOOST_TEST(reply.items[1].key == "most");
    BOOST_TEST(std::ranges::equal(*reply.items[1].value, most));
    BOOST_TEST(p.answer<get_reply>().modified == 1u); // nothing of it was done
    BOOST_TEST(p.answer<mutation_reply>().revision == 2u);
    BOOST_TEST(h.shared.data->size("n") == 3u);
}

/// A value of 7 KB, 200,000 times: more than the largest reply.
BOOST_AUTO_TEST_CASE(reply_that_repeats_a_key_too_often_is_refused_before_it_is_made)
{
    house h;
    peer p(h, 0);
    p.greet();
    std::vector<std::byte> value;
    msgpack::writer(value).write_str(std::string(7'000, 'x'));
    p.ask(set_request{by(1), "n", "k", value});
    p.send();
    BOOST_TEST(p.answer<mutation_reply>().revision == 1u);
    const auto before = p.machine.output().capacity();

    p.ask(read_request{"n", std::vector<std::string_view>(200'000, "k")});
    p.send();
    BOOST_TEST((p.next().error() == errc::too_large));
    p.ask(commit_request{by(2), "n", {}, std::vector<protocol::read_stamp>(200'000, {"k", 7}), {}});
    p.send();
    BOOST_TEST((p.next().error() == errc::too_large));
    BOOST_TEST(p.machine.output().capacity() <= before + 4096);
}

BOOST_AUTO_TEST_CASE(attach_takes_a_descriptor_and_marks_where_its_reply_begins)
{
    house h;
    peer p(h, 0);
    p.greet();
    p.ask(ping_request());
    p.ask(attach_request{true});
    p.ask(attach_request{false});
    const auto room = p.machine.prepare();
    std::ranges::copy(p.to_send, room.begin());
    p.machine.received(p.to_send.size(), 1, 5);
    const auto& marks = p.machine.attachments();
    BOOST_TEST_REQUIRE(marks.size() == 2u);
    BOOST_TEST(marks[0].with_eventfd);
    BOOST_TEST(!marks[1].with_eventfd);
    frame_parser parser(1000);
    const auto rest = bytes_view(p.machine.output()).subspan(marks[0].offset);
    std::ranges::copy(rest, parser.prepare(rest.size()).begin());
    parser.commit(rest.size());
    frame f;
    BOOST_TEST(parser.next(f) == frame_parser::found);
    BOOST_TEST((f.code == operation::attach));
}

BOOST_AUTO_TEST_CASE(descriptors_nobody_asked_for_close_the_connection)
{
    house h;
    peer p(h, 0);
    p.greet();
    p.ask(ping_request());
    p.send(4);
    BOOST_TEST(p.machine.closing());
}

BOOST_AUTO_TEST_CASE(descriptors_beside_a_frame_that_never_ends_close_the_connection)
{
    house h;
    peer p(h, 0);
    p.greet();
    p.ask(ping_request());
    p.to_send.pop_back();
    p.send(1);
    BOOST_TEST(!p.machine.closing());
    p.machine.received(0, 3, 5);
    BOOST_TEST(p.machine.closing());
}

BOOST_AUTO_TEST_CASE(descriptors_whose_replies_are_never_read_close_the_connection)
{
    house h;
    peer p(h, 0);
    p.greet();
    int taken = 0;
    for (; taken != 10 && !p.machine.closing(); ++taken) {
        p.ask(attach_request{true});
        p.send(1);
    }
    BOOST_TEST(taken == 4);
}

BOOST_AUTO_TEST_CASE(frames_wait_while_too_much_output_does)
{
    house h;
    peer p(h, 0);
    p.greet();
    std::vector<std::byte> value;
    msgpack::writer(value).write_str(std::string(5000, 'x'));
    p.ask(set_request{by(1), "n", "k", value});
    for (int i = 0; i != 1000; ++i)
        p.ask(get_request{"n", "k"});
    auto bytes = std::exchange(p.to_send, {});
    const auto room = p.machine.prepare();
    BOOST_TEST_REQUIRE(room.size() >= bytes.size());
    std::ranges::copy(bytes, room.begin());
    p.machine.received(bytes.size(), 0, 5);
    BOOST_TEST(p.machine.congested());
    BOOST_TEST(p.machine.unhandled());
    BOOST_TEST(p.machine.output().size() < session_fsm::high_water + 8000);
    int rounds = 0;
    while (p.machine.unhandled()) {
        p.receive();
        p.machine.resume(6);
        ++rounds;
    }
    p.receive();
    BOOST_TEST(rounds == 4);
    for (int i = 0; i != 1001; ++i)
        BOOST_TEST_REQUIRE(p.next().status == 0);
    BOOST_TEST(p.silent());
}

/// Others have their turn: after so many frames, and after so much that is written.
BOOST_AUTO_TEST_CASE(frames_of_one_read_wait_for_other_connections)
{
    house h;
    journal::ring_header header;
    header.capacity = 16u << 20;
    h.shared.data = std::make_unique<store::database>(h.around.make_ring(header), h.around);
    peer p(h, 0);
    p.greet();
    const auto long_list = pack(list(100'000, value(7)));
    p.ask(set_request{by(1), "n", "k", long_list});
    p.send();
    p.answer<mutation_reply>();
    struct {
        const char* name;
        std::function<void(std::uint64_t)> ask;
        int frames;
        std::size_t at_most;
    } const rows[] = {
        {"many", [&](std::uint64_t) { p.ask(ping_request()); }, 600, session_fsm::most_frames},
        {"of great effect",
         [&](std::uint64_t i) { p.ask(append_request{by(i + 2, i + 1), "n", "k", seven}); }, 40,
         12},
    };
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.name)
        {
            for (int i = 0; i != row.frames; ++i)
                row.ask(static_cast<std::uint64_t>(i));
            const auto bytes = std::exchange(p.to_send, {});
            const auto room = p.machine.prepare();
            BOOST_TEST_REQUIRE(room.size() >= bytes.size());
            std::ranges::copy(bytes, room.begin());
            p.machine.received(bytes.size(), 0, 5);
            int answered = 0;
            for (bool more = true; more; p.machine.resume(5)) {
                more = p.machine.unhandled();
                p.receive();
                std::size_t now = 0;
                for (; !p.silent(); ++now) {}
                BOOST_TEST(now <= row.at_most);
                answered += static_cast<int>(now);
            }
            BOOST_TEST(answered == row.frames);
        }
    }
}

/// What waits for all of them together is limited, too: what may bring much waits for that.
BOOST_AUTO_TEST_CASE(large_reads_wait_while_too_much_output_waits_for_others)
{
    house h;
    h.shared.most_waiting = 10'000;
    peer slow(h, 0);
    peer other(h, 1);
    slow.greet();
    other.greet();
    BOOST_TEST(h.shared.waiting == 0u);
    const auto large = pack(std::string(6000, 'x'));
    slow.ask(set_request{by(1), "n", "k", large});
    for (int i = 0; i != 3; ++i)
        slow.ask(snapshot_request{"n"});
    const auto bytes = std::exchange(slow.to_send, {});
    std::ranges::copy(bytes, slow.machine.prepare().begin());
    slow.machine.received(bytes.size(), 0, 5);
    BOOST_TEST(slow.machine.unhandled());
    BOOST_TEST(slow.machine.starved());
    BOOST_TEST(h.shared.waiting >= 12'000u);
    BOOST_TEST(h.shared.waiting < 13'000u);

    other.ask(ping_request());
    other.ask(read_request{"n", {}});
    const auto more = std::exchange(other.to_send, {});
    std::ranges::copy(more, other.machine.prepare().begin());
    other.machine.received(more.size(), 0, 5);
    other.receive();
    BOOST_TEST(other.answer<ping_reply>().pid == 42u); // small ones go on
    BOOST_TEST(other.silent());
    BOOST_TEST(other.machine.starved());
    slow.receive();
    other.machine.resume(5);
    other.receive();
    BOOST_TEST(other.answer<read_reply>().revision == 1u);
    BOOST_TEST(!other.machine.starved());
    slow.machine.resume(5);
    BOOST_TEST(h.shared.waiting > 6000u);
    slow.machine.disconnected(6, 1);
    BOOST_TEST(h.shared.waiting == 0u);
}

/// Asked for often enough, one key would make a reply of any size.
BOOST_AUTO_TEST_CASE(read_of_a_key_again_and_again_is_limited)
{
    house h;
    journal::ring_header header;
    header.capacity = 16u << 20;
    h.shared.data = std::make_unique<store::database>(h.around.make_ring(header), h.around);
    peer p(h, 0);
    p.greet();
    const auto large = pack(std::string(500'000, 'x'));
    p.ask(set_request{by(1), "n", "k", large});
    p.ask(read_request{"n", std::vector<std::string_view>(100, "k")});
    p.ask(read_request{"n", std::vector<std::string_view>(200, "k")});
    p.ask(commit_request{by(2), "n", {}, std::vector<protocol::read_stamp>(200, {"k", 7}), {}});
    p.send();
    p.answer<mutation_reply>();
    BOOST_TEST(p.answer<read_reply>().items.size() == 100u);
    while (p.machine.unhandled())
        p.machine.resume(5);
    p.receive();
    BOOST_TEST((p.next().error() == errc::too_large));
    BOOST_TEST((p.next().error() == errc::too_large));
}

BOOST_AUTO_TEST_CASE(refused_mutations_say_what_to_do)
{
    house h;
    journal::ring_header header;
    header.capacity = 1u << 16;
    h.shared.data = std::make_unique<store::database>(
        h.around.make_ring(header), h.around,
        store::database_options{.kept_replies = 3, .namespaces = 2});
    peer p(h, 0);
    p.greet();
    const auto says = [&](errc code, std::string_view what) {
        p.send();
        const auto f = p.next();
        BOOST_TEST((f.error() == code));
        BOOST_TEST(error_text(f.body).find(what) != std::string::npos, error_text(f.body));
    };
    p.ask(set_request{by(1), "one", "k", seven});
    p.send();
    p.answer<mutation_reply>();
    p.ask(set_request{by(2), "two", "k", seven});
    says(errc::too_busy, "as many namespaces as this state takes");
    for (std::uint64_t i = 3; i != 5; ++i)
        p.ask(set_request{by(i), "one", "k", seven});
    p.send();
    p.answer<mutation_reply>();
    p.answer<mutation_reply>();
    p.ask(set_request{by(5), "one", "k", seven});
    says(errc::too_busy, "acknowledge");
    p.ask(set_request{by(6, 4), "one", "k", seven});
    p.ask(set_request{by(4), "one", "k", seven});
    p.send();
    p.answer<mutation_reply>();
    const auto f = p.next();
    BOOST_TEST((f.error() == errc::outcome_unknown));
    BOOST_TEST(error_text(f.body).find("read what became of") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(watch_counts_long_keys_by_what_they_take)
{
    house h;
    peer p(h, 0);
    p.greet();
    const std::string key(4000, 'k'); // as much as 63 short ones
    std::vector<std::string_view> keys(session_fsm::most_interests / 63, key);
    for (std::uint64_t id = 0; id != 2; ++id) {
        const std::vector<std::string_view> part(keys.begin(), keys.begin() + 500);
        p.ask(watch_request{id, "n", part});
        p.send();
        BOOST_TEST(p.next().status == 0);
    }
    p.ask(watch_request{3, "n", {keys.begin(), keys.begin() + 60}});
    p.send();
    BOOST_TEST((p.next().error() == errc::too_busy));
}

BOOST_AUTO_TEST_CASE(watch_counts_keys_against_the_limit)
{
    house h;
    peer p(h, 0);
    p.greet();
    const std::vector<std::string_view> half(session_fsm::most_interests / 2, "k");
    for (const std::uint64_t id : {1U, 2U, 2U, 3U}) {
        p.ask(watch_request{id, "n", half});
        p.send();
        BOOST_TEST((p.next().error() == (id == 3 ? error_code(errc::too_busy) : error_code())));
    }
    BOOST_TEST(h.shared.who.count(0) == session_fsm::most_interests);
}

BOOST_AUTO_TEST_CASE(disconnected_session_wants_nothing_any_more_and_may_come_back)
{
    house h;
    peer p(h, 0);
    const auto session = p.greet().session;
    p.ask(watch_request{1, "n", {}});
    p.send();
    BOOST_TEST(p.answer<watch_reply>().epoch == 3u);
    BOOST_TEST(h.shared.who.count(0) == 1u);
    p.machine.disconnected(100, 55);
    BOOST_TEST(h.shared.who.count(0) == 0u);
    BOOST_TEST(!h.shared.sessions.nobody_away());
    BOOST_TEST(h.shared.data->find_peer(session)->gone == 55, "for a successor");
    peer q(h, 1);
    BOOST_TEST(q.greet(session).resumed);
    BOOST_TEST(h.shared.sessions.nobody_away());
    BOOST_TEST(h.shared.data->find_peer(session)->gone == 0);
}

BOOST_AUTO_TEST_CASE(older_connection_that_goes_last_leaves_the_session_where_it_is)
{
    house h;
    peer p(h, 0);
    const auto session = p.greet().session;
    peer q(h, 1);
    BOOST_TEST(q.greet(session).resumed);
    p.machine.disconnected(100, 55);
    BOOST_TEST(h.shared.sessions.nobody_away());
    BOOST_TEST(h.shared.data->find_peer(session)->gone == 0);
}

/// Frames of chance, most of them nearly right: nobody falls over, and the others go on.
BOOST_AUTO_TEST_CASE(hostile_bytes_harm_nobody_else)
{
    house h;
    peer good(h, 0);
    good.greet();
    std::mt19937 random(3);
    for (unsigned round = 0; round != 300; ++round) {
        peer bad(h, 1);
        if (round % 4 != 0)
            bad.greet();
        for (int i = 0; i != 5 && !bad.machine.closing(); ++i) {
            bad.ask(update_request{by(1 + round), "bad", {{"a", seven}, {"b", seven}}});
            bad.ask(commit_request{by(2 + round), "bad", 1, {{"a", 0}}, {{"b", {}}}});
            for (int flips = 0; flips != 3; ++flips)
                bad.to_send[random() % bad.to_send.size()] ^= static_cast<std::byte>(random());
            bad.send();
        }
        bad.machine.disconnected(round, 1);
        good.ask(increment_request{operation::increment, by(1 + round, round), "n", "k", seven});
        good.send();
        BOOST_TEST_REQUIRE(good.answer<mutation_reply>().revision == 1 + round);
    }
}

BOOST_AUTO_TEST_SUITE_END()
