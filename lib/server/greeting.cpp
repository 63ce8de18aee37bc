#include "server/session_fsm.hpp"

#include <algorithm>
#include <string>

/// What a connection has to say before it is served.
namespace zproc::serving {

using namespace protocol;

bool session_fsm::greet(const frame& f, std::int64_t now)
{
    if (arriving_)
        return check_proof(f, now);
    client_hello hello;
    std::string text;
    if (const auto ec = read_hello(f, hello, text); ec.failed())
        return refuse(f, ec, text);
    if (hello.nonce.empty()) {
        if (remote_ && !shared_.secret.empty())
            return refuse(f, errc::secret_required,
                          "this server admits only who knows its secret, and this client has none");
        return welcome(f.correlation, hello, nullptr, now);
    }
    if (shared_.secret.empty())
        return refuse(f, errc::not_authenticated,
                      "this server has no secret, and this client trusts only who knows its own");
    return challenge(f, hello);
}

bool session_fsm::challenge(const frame& f, const client_hello& hello)
{
    const auto said = digest_of(f.body);
    if (!said)
        return refuse(f, errc::not_authenticated);
    auto arriving = std::make_unique<arrival>();
    arriving->hello.assign(f.body.begin(), f.body.end());
    std::ranges::copy(hello.nonce, arriving->seen.client.begin());
    arriving->seen.server = shared_.fresh_nonce();
    arriving->seen.hello = *said;
    arriving_ = std::move(arriving);
    write_challenge(output_, f.correlation, arriving_->seen.server);
    return true;
}

bool session_fsm::check_proof(const frame& f, std::int64_t now)
{
    digest proof;
    std::string text;
    if (const auto ec = read_proof(f, proof, text); ec.failed())
        return refuse(f, ec, text);
    const auto arriving = std::move(arriving_);
    if (!is_same(client_proof(shared_.secret, arriving->seen), proof))
        return refuse(f, errc::not_authenticated, "this client has another secret than the server");
    // It was read before, so it can be read.
    frame first = f;
    first.code = operation::hello;
    first.body = arriving->hello;
    client_hello hello;
    if (const auto ec = read_hello(first, hello, text); ec.failed())
        return refuse(f, ec, text);
    return welcome(f.correlation, hello, &arriving->seen, now);
}

bool session_fsm::welcome(std::uint32_t correlation, const client_hello& hello,
                          const transcript* seen, std::int64_t now)
{
    frame f;
    f.correlation = correlation;
    auto said = shared_.about;
    said.build_id = shared_.build_id;
    if (!hello.observer && !take_session(hello, said, now)) {
        full_ = true;
        return refuse(f, errc::too_busy,
                      "there is no room for another session, in the journal or on its disk");
    }
    if (seen == nullptr)
        write_welcome(output_, correlation, said);
    else if (const auto ec =
                 write_proven_welcome(output_, correlation, said, shared_.secret, *seen);
             ec.failed())
        return refuse(f, ec);
    greeted_ = true;
    parser_.set_limit(shared_.about.limits.request_bytes);
    return true;
}

/// In answer to a hello or a proof: a client that waits for a welcome understands it.
bool session_fsm::refuse(frame f, error_code ec, std::string_view text)
{
    f.code = operation::hello;
    fail(f, ec, text);
    return false;
}

/// The session that was asked for if it is known here, else a new one; false without room for it.
bool session_fsm::take_session(const client_hello& hello, server_hello& welcome, std::int64_t now)
{
    auto& data = *shared_.data;
    const bool ours = hello.instance == instance_id{} || hello.instance == welcome.instance;
    welcome.resumed = hello.session != 0 && ours && data.knows_session(hello.session);
    if (welcome.resumed) {
        welcome.session = hello.session;
        data.acknowledge(hello.session, hello.acknowledged);
        static_cast<void>(data.mark_session(hello.session, 0, now));
        passed_ = data.known_sessions().latest(hello.session);
    } else {
        do
            welcome.session = shared_.new_session_id();
        while (welcome.session == 0 || data.knows_session(welcome.session));
        const store::peer who{hello.pid, hello.name};
        if (data.open_session(welcome.session, now, who).failed())
            return false;
    }
    session_ = welcome.session;
    if (const auto before = shared_.sessions.sit(session_, where_)) {
        shared_.displaced.push_back(*before);
        shared_.turns.leave(*before);
    }
    return true;
}

} // namespace zproc::serving
