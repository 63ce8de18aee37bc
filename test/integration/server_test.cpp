#include "journal/reader.hpp"
#include "protocol/control_page.hpp"
#include "support/server_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <set>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace zproc;
using namespace zproc::protocol;
using test::packed;
using test::raw_client;
using test::server_process;
using test::server_thread;

namespace {

std::uint64_t drained(const descriptor& events)
{
    std::uint64_t count = 0;
    return ::read(events.get(), &count, sizeof count) < 0 ? 0 : count;
}

/// What an attach brings.
struct attached {
    descriptor ring;
    descriptor control;
    descriptor wake;
    mapped_memory memory;
    mapped_memory page;
    attach_reply reply;
};

attached attach(raw_client& client, int eventfd = -1)
{
    auto answer = client.ask(attach_request{eventfd >= 0}, eventfd);
    attached out;
    BOOST_TEST_REQUIRE(!answer.error.failed());
    BOOST_TEST_REQUIRE(!decode(answer.body, out.reply).failed());
    BOOST_TEST_REQUIRE(answer.descriptors.size() == attach_descriptors);
    out.ring = std::move(answer.descriptors[0]);
    out.control = std::move(answer.descriptors[1]);
    out.wake = std::move(answer.descriptors[2]);
    drained(out.wake); // the first ring was announced to nobody
    out.memory = mapped_memory::readable(out.ring.get());
    out.page = mapped_memory::readable(out.control.get());
    BOOST_TEST_REQUIRE(out.memory.bytes().size() == out.reply.ring_bytes);
    return out;
}

std::uint64_t set(raw_client& client, std::string_view key, std::span<const std::byte> value)
{
    return client.get<mutation_reply>(set_request{client.by(), "n", key, value}).revision;
}

} // namespace

BOOST_AUTO_TEST_SUITE(server)

BOOST_AUTO_TEST_CASE(bad_clients_have_an_error_each_and_the_others_are_served)
{
    server_thread server;
    raw_client good(server.path());
    good.greet();
    const auto one = packed(1);
    std::uint64_t revision = 0;
    const auto others_go_on = [&] { BOOST_TEST(set(good, "k", one) == ++revision); };
    std::set<int> codes;

    {
        raw_client other(server.path());
        client_hello hello;
        hello.version = 99;
        buffer out;
        write_hello(out, 0, hello);
        other.send(out);
        const auto answer = other.receive();
        BOOST_TEST((answer.error == errc::version_mismatch));
        BOOST_TEST(answer.text().find("99") != std::string::npos);
        BOOST_TEST(other.closed());
        codes.insert(answer.error.value());
        others_go_on();
    }
    {
        raw_client stranger(server.path());
        stranger.send_text("GET / HTTP/1.1\r\n\r\n");
        const auto answer = stranger.receive();
        BOOST_TEST((answer.error == errc::malformed_frame));
        BOOST_TEST(!answer.text().empty());
        BOOST_TEST(stranger.closed());
        codes.insert(answer.error.value());
        others_go_on();
    }
    {
        raw_client large(server.path());
        large.greet();
        buffer out;
        begin_frame(out, 5, operation::set);
        out[length_at + 3] = std::byte{0x10};
        large.send(out);
        const auto answer = large.receive();
        BOOST_TEST((answer.error == errc::frame_too_large));
        BOOST_TEST(answer.correlation == 5u);
        BOOST_TEST(large.closed());
        codes.insert(answer.error.value());
        others_go_on();
    }
    {
        raw_client wrong(server.path());
        wrong.greet();
        std::vector<std::byte> deep(65, std::byte{0x91});
        deep.push_back(std::byte{1});
        auto answer = wrong.ask(set_request{wrong.by(), "n", "k", deep});
        BOOST_TEST((answer.error == errc::value_too_deep));
        codes.insert(answer.error.value());
        answer = wrong.ask(set_request{wrong.by(), "", "k", one});
        BOOST_TEST((answer.error == errc::empty_namespace));
        codes.insert(answer.error.value());
        const auto huge = packed(std::string(2u << 19, 'x'));
        answer = wrong.ask(set_request{wrong.by(), "n", "k", huge});
        BOOST_TEST((answer.error == errc::too_large));
        codes.insert(answer.error.value());
        // None of these ends its connection.
        BOOST_TEST(set(wrong, "k", one) == ++revision);
        others_go_on();
    }
    BOOST_TEST(codes.size() == 6u);
}

BOOST_AUTO_TEST_CASE(silent_stranger_is_dropped_in_time)
{
    serving::host_options options;
    options.hello_within = 100'000'000;
    server_thread server(options);
    raw_client silent(server.path());
    BOOST_TEST(silent.closed());
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_are_refused)
{
    serving::host_options options;
    options.connections = 1;
    server_thread server(options);
    raw_client first(server.path());
    first.greet();
    raw_client second(server.path());
    BOOST_TEST((second.receive().error == errc::too_busy));
    BOOST_TEST(second.closed());
}

BOOST_AUTO_TEST_CASE(pipelined_requests_are_published_together)
{
    server_thread server;
    raw_client client(server.path());
    client.greet();
    const auto one = packed(1);
    buffer out;
    for (std::uint32_t i = 1; i <= 500; ++i)
        write_request(out, i, increment_request{operation::increment, client.by(), "n", "k", one});
    client.send(out);
    for (std::uint32_t i = 1; i <= 500; ++i) {
        const auto answer = client.receive();
        mutation_reply reply;
        BOOST_TEST_REQUIRE(answer.correlation == i);
        BOOST_TEST_REQUIRE(!decode(answer.body, reply).failed());
        BOOST_TEST_REQUIRE(reply.revision == i);
    }
}

/// Counted in bytes of the ring: time would say more about the machine.
/// Also those that had to wait, for the turns of others and for room in what waits for all.
BOOST_AUTO_TEST_CASE(pipelined_requests_are_all_answered_however_many)
{
    serving::host_options options;
    options.waiting_output = 1; // whatever waits for anybody is too much
    server_thread server(options);
    raw_client one(server.path());
    raw_client two(server.path());
    for (auto* each : {&one, &two}) {
        each->greet();
        protocol::buffer out;
        for (std::uint32_t i = 1; i != 1001; ++i) {
            protocol::write_request(out, i, protocol::ping_request());
            if (i % 100 == 0)
                protocol::write_request(out, i, protocol::snapshot_request{"n"});
        }
        each->send(out);
    }
    for (auto* each : {&one, &two})
        for (std::uint32_t i = 1; i != 1001; ++i)
            for (int times = i % 100 == 0 ? 2 : 1; times != 0; --times)
                BOOST_TEST_REQUIRE(each->receive().correlation == i);
}

BOOST_AUTO_TEST_CASE(set_costs_the_same_with_many_keys)
{
    serving::host_options options;
    options.ring_capacity = 32u << 20;
    server_thread server(options);
    raw_client client(server.path());
    client.greet();
    const auto one = packed(1);
    const auto mapped = attach(client);
    const auto journal = journal::reader::open(mapped.memory.bytes());
    BOOST_TEST_REQUIRE(journal.has_value());
    set(client, "key", one);
    const auto cost = [&] {
        const auto before = journal->head();
        for (int i = 0; i != 100; ++i)
            set(client, "key", one);
        return journal->head() - before;
    };
    const auto few = cost();
    std::vector<std::string> names;
    for (int i = 0; i != 100'000; ++i)
        names.push_back("key" + std::to_string(i));
    for (std::size_t i = 0; i != names.size(); i += 1000) {
        update_request request{client.by(), "n", {}};
        for (std::size_t j = i; j != i + 1000; ++j)
            request.entries.push_back({names[j], one});
        client.get<mutation_reply>(request);
    }
    BOOST_TEST(client.get<size_reply>(size_request{"n"}).size == 100'001u);
    // Numbers of requests and commits have grown by a byte or so.
    BOOST_TEST(cost() <= few + 100 * 8);
    BOOST_TEST(client.get<snapshot_reply>(snapshot_request{"n"}).items.size() == 100'001u);
}

BOOST_AUTO_TEST_CASE(ring_is_read_only_for_clients_and_holds_what_was_answered)
{
    server_thread server;
    raw_client client(server.path());
    client.greet();
    const auto mapped = attach(client);
    const auto text = packed("hello");
    set(client, "k", text);

    BOOST_TEST(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mapped.ring.get(), 0) ==
               MAP_FAILED);
    BOOST_TEST(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, mapped.control.get(), 0) ==
               MAP_FAILED);
    const char byte = 1;
    BOOST_TEST(::pwrite(mapped.ring.get(), &byte, 1, 0) < 0);
    BOOST_TEST(::pwrite(mapped.control.get(), &byte, 1, 0) < 0);
    BOOST_TEST(::ftruncate(mapped.ring.get(), 0) != 0);

    BOOST_TEST(control_generation(mapped.page.bytes()) == mapped.reply.generation);
    BOOST_TEST(control_epoch(mapped.page.bytes()) == mapped.reply.epoch);
    auto journal = journal::reader::open(mapped.memory.bytes());
    BOOST_TEST_REQUIRE(journal.has_value());
    BOOST_TEST((journal->header().instance == control_instance(mapped.page.bytes())));
    BOOST_TEST((journal->next_event("n") == journal::read_result::got));
    BOOST_TEST(journal->record().revision == 1u);
    BOOST_TEST((*journal->record().changes.begin()).key == "k");
}

BOOST_AUTO_TEST_CASE(change_wakes_only_those_who_registered_for_it)
{
    server_thread server;
    raw_client writer(server.path());
    writer.greet();
    const auto one = packed(1);
    raw_client a(server.path());
    raw_client b(server.path());
    const descriptor a_events(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    const descriptor b_events(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    a.greet();
    b.greet();
    const auto a_ring = attach(a, a_events.get());
    const auto b_ring = attach(b, b_events.get());
    a.get<watch_reply>(watch_request{1, "n", {"a"}});
    b.get<watch_reply>(watch_request{1, "n", {"b"}});

    set(writer, "a", one);
    writer.get<ping_reply>(ping_request()); // one turn later: the wakes are done
    BOOST_TEST(drained(a_events) == 1u);
    BOOST_TEST(drained(b_events) == 0u);
    BOOST_TEST(drained(a_ring.wake) == 0u);

    a.get<empty_reply>(unwatch_request{1});
    set(writer, "a", one);
    writer.get<ping_reply>(ping_request());
    BOOST_TEST(drained(a_events) == 0u);
}

BOOST_AUTO_TEST_CASE(change_that_concerns_many_wakes_all_by_one_write)
{
    server_thread server;
    raw_client writer(server.path());
    writer.greet();
    std::vector<std::unique_ptr<raw_client>> watchers;
    std::vector<descriptor> events;
    attached last;
    for (int i = 0; i != 9; ++i) {
        watchers.push_back(std::make_unique<raw_client>(server.path()));
        events.emplace_back(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        watchers.back()->greet();
        last = attach(*watchers.back(), events.back().get());
        watchers.back()->get<watch_reply>(watch_request{1, "n", {}});
    }
    const auto one = packed(1);
    set(writer, "k", one);
    writer.get<ping_reply>(ping_request());
    BOOST_TEST(drained(last.wake) == 1u);
    for (const auto& each : events)
        BOOST_TEST(drained(each) == 0u);
}

/// A watcher that nothing concerns is woken before the ring laps it.
BOOST_AUTO_TEST_CASE(everybody_is_woken_each_half_lap)
{
    server_thread server;
    raw_client writer(server.path());
    writer.greet();
    const auto mapped = attach(writer);
    const auto text = packed(std::string(64u << 10, 'x'));
    for (int i = 0; i != 50; ++i)
        set(writer, "k", text);
    writer.get<ping_reply>(ping_request());
    BOOST_TEST(drained(mapped.wake) >= 1u);
}

BOOST_AUTO_TEST_CASE(what_is_no_eventfd_is_never_written_to)
{
    server_thread server;
    raw_client client(server.path());
    client.greet();
    int ends[2];
    BOOST_TEST_REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    const descriptor in(ends[0]);
    const descriptor out(ends[1]);
    const auto mapped = attach(client, out.get());
    client.get<watch_reply>(watch_request{1, "n", {}});
    const auto one = packed(1);
    set(client, "k", one);
    client.get<ping_reply>(ping_request());
    char byte = 0;
    BOOST_TEST(::read(in.get(), &byte, 1) < 0);
}

BOOST_AUTO_TEST_CASE(client_that_never_reads_is_dropped_and_holds_up_nobody)
{
    serving::host_options options;
    options.read_within = 300'000'000;
    server_thread server(options);
    raw_client good(server.path());
    good.greet();
    const auto text = packed(std::string(100'000, 'x'));
    set(good, "k", text);

    raw_client deaf(server.path());
    deaf.greet();
    ::fcntl(deaf.socket(), F_SETFL, O_NONBLOCK);
    buffer asks;
    for (std::uint32_t i = 0; i != 5000; ++i)
        write_request(asks, i, get_request{"n", "k"});
    std::size_t sent = 0;
    // As much as it takes; then it takes no more, because it is not read from.
    while (sent != asks.size()) {
        const auto count =
            ::send(deaf.socket(), asks.data() + sent, asks.size() - sent, MSG_NOSIGNAL);
        if (count < 0)
            break;
        sent += static_cast<std::size_t>(count);
    }
    for (int i = 0; i != 100; ++i)
        good.get<get_reply>(get_request{"n", "k"});
    // It ends while the good one goes on.
    const auto gone = [&] {
        return ::send(deaf.socket(), asks.data(), 1, MSG_NOSIGNAL) < 0 && errno == EPIPE;
    };
    const auto began = std::chrono::steady_clock::now();
    while (!gone() && std::chrono::steady_clock::now() - began < std::chrono::seconds(10))
        good.get<ping_reply>(ping_request());
    BOOST_TEST(gone());
}

BOOST_AUTO_TEST_CASE(growth_is_announced_to_whoever_attached)
{
    serving::host_options options;
    options.ring_capacity = 64u << 10;
    server_thread server(options);
    raw_client client(server.path());
    client.greet();
    const auto first = attach(client);
    const auto text = packed(std::string(6000, 'x'));
    for (int i = 0; i != 40; ++i)
        set(client, "key" + std::to_string(i), text);
    client.get<ping_reply>(ping_request());
    const auto generation = control_generation(first.page.bytes());
    BOOST_TEST(generation > first.reply.generation);
    BOOST_TEST(drained(first.wake) >= 1u);
    const auto second = attach(client);
    BOOST_TEST(second.reply.generation == generation);
    BOOST_TEST(second.reply.ring_bytes > first.reply.ring_bytes);
    auto journal = journal::reader::open(second.memory.bytes());
    BOOST_TEST_REQUIRE(journal.has_value());
    BOOST_TEST(journal->header().epoch == second.reply.epoch);
    for (int i = 0; i != 40; ++i)
        BOOST_TEST(
            client.get<contains_reply>(contains_request{"n", "key" + std::to_string(i)}).found);
}

BOOST_AUTO_TEST_CASE(away_sessions_expire)
{
    serving::host_options options;
    options.session_expiry = 100'000'000;
    server_thread server(options);
    std::uint64_t session = 0;
    {
        raw_client client(server.path());
        session = client.greet().session;
    }
    client_hello hello;
    hello.session = session;
    const auto began = std::chrono::steady_clock::now();
    bool known = true;
    while (known && std::chrono::steady_clock::now() - began < std::chrono::seconds(10)) {
        // Asking keeps the server's turns coming; resuming would keep the session.
        raw_client other(server.path());
        other.greet();
        if (std::chrono::steady_clock::now() - began > std::chrono::milliseconds(1500)) {
            raw_client again(server.path());
            known = again.greet(hello).resumed;
        }
    }
    BOOST_TEST(!known);
}

BOOST_AUTO_TEST_CASE(successor_has_everything_answered_and_applies_nothing_twice)
{
    serving::host_options options;
    options.ring_capacity = 256u << 10;
    server_process server(options);
    client_hello hello;
    instance_id instance{};
    std::uint64_t epoch = 0;
    std::uint64_t number = 0; // of the last request; they ascend
    std::uint64_t answered = 0;
    std::uint64_t count = 0;
    for (int life = 0; life != 20; ++life) {
        raw_client client(server.path());
        const auto welcome = client.greet(hello);
        BOOST_TEST(welcome.resumed == (life != 0));
        BOOST_TEST((life == 0 || welcome.instance == instance));
        BOOST_TEST(welcome.epoch > epoch);
        instance = welcome.instance;
        epoch = welcome.epoch;
        hello.session = welcome.session;
        hello.instance = instance;

        const auto one = packed(1);
        const auto text = packed(std::string(1000, 'x'));
        const auto ask = [&](std::uint64_t n) {
            const mutation by{n, n < 3 ? 0 : n - 3, 1};
            return client
                .get<mutation_reply>(increment_request{operation::increment, by, "n", "count", one})
                .revision;
        };
        // The last one before the end was answered: asked again it is known.
        if (life != 0)
            BOOST_TEST_REQUIRE(ask(answered) == count);
        for (int i = 0; i != 50; ++i) {
            answered = ++number;
            BOOST_TEST_REQUIRE(ask(answered) == ++count);
        }
        // One in flight, and nobody waits for it.
        buffer out;
        const update_request stray{{++number, 0, 1}, "other", {{"k", text}}};
        write_request(out, 1, stray);
        client.send(out);
        server.kill();
        server.start();
    }
    raw_client client(server.path());
    client.greet();
    BOOST_TEST(client.get<get_reply>(get_request{"n", "count"}).revision == count);
    BOOST_TEST(server.stop() == 0);
}

BOOST_AUTO_TEST_CASE(old_ring_and_control_page_lead_to_the_successor)
{
    server_process server;
    raw_client client(server.path());
    client.greet();
    const auto one = packed(1);
    set(client, "k", one);
    const auto before = attach(client);
    server.kill();
    server.start();
    raw_client again(server.path());
    again.greet();
    BOOST_TEST(control_generation(before.page.bytes()) > before.reply.generation);
    BOOST_TEST(drained(before.wake) >= 1u);
    const auto now = attach(again);
    auto journal = journal::reader::open(now.memory.bytes());
    BOOST_TEST_REQUIRE(journal.has_value());
    BOOST_TEST(journal->header().moved.previous_epoch == before.reply.epoch);
    BOOST_TEST((journal->next_event("n") == journal::read_result::got));
    BOOST_TEST(server.stop() == 0);
}

BOOST_AUTO_TEST_CASE(state_process_ends_when_its_supervisor_is_gone)
{
    server_process server;
    raw_client client(server.path());
    client.greet();
    BOOST_TEST(server.abandon() == 0);
    BOOST_TEST(client.closed());
}

BOOST_AUTO_TEST_CASE(who_asks_much_and_sends_no_more_has_all_its_answers)
{
    serving::host_options options;
    options.busy_poll = 1'000'000'000;
    server_thread server(options);
    const auto one = packed(1);
    for (int round = 0; round != 100; ++round) {
        raw_client client(server.path());
        client.greet();
        for (int i = 0; i != 100; ++i) // it asks all the time, and is looked for
            set(client, "k", one);
        constexpr std::uint32_t together = 64;
        for (std::uint32_t i = 1; i <= together; ++i) {
            buffer out;
            write_request(out, i, set_request{client.by(), "n", "k", one});
            client.send(out);
        }
        BOOST_TEST_REQUIRE(::shutdown(client.socket(), SHUT_WR) == 0);
        for (std::uint32_t i = 1; i <= together; ++i) {
            const auto answer = client.receive();
            BOOST_TEST_REQUIRE(!answer.error.failed());
            BOOST_TEST_REQUIRE(answer.correlation == i);
        }
        BOOST_TEST(client.closed());
    }
}

BOOST_AUTO_TEST_SUITE_END()
