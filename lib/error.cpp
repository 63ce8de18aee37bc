#include <zproc/error.hpp>

namespace zproc {

namespace {

// Each text says what happened; after the semicolon, what to do next.
const char* text_of(errc code) noexcept
{
    switch (code) {
    case errc::no_such_key:
        return "there is no such key or element; use get_or, get<std::optional<T>> or contains if "
               "it may be missing";
    case errc::type_mismatch:
        return "the value has another type than was asked for; ask for the type it was set with, "
               "or look at value::kind() first";
    case errc::not_representable:
        return "the number or value does not fit the type; use a wider type (a state holds "
               "integers of 64 bits, signed)";
    case errc::arithmetic_overflow:
        return "the result does not fit a number of the state; nothing was changed: check the "
               "operands, or use doubles";
    case errc::value_too_deep:
        return "the value nests too many lists and dicts; flatten it, or store its parts under "
               "keys of their own";
    case errc::too_large:
        return "the value or transaction is larger than the limit; split it over several keys, or "
               "raise the limit where the server is started";
    case errc::malformed_value:
        return "the bytes or the text are no well-formed value; check what produced them";
    case errc::empty_namespace:
        return "a namespace needs a name that is not empty; leave the argument out for the "
               "default one";
    case errc::nested_atomic:
        return "an atomic function must not start another one; call its body with the same draft "
               "instead";
    case errc::end_of_stream:
        return "the watcher has delivered its count of events or was cancelled; make a new one to "
               "go on";
    case errc::journal_overrun:
        return "events the watcher still wanted are no longer in the journal; allow resync in "
               "on_gap, consume faster, or enlarge the journal";
    case errc::state_lost:
        return "the state is gone for good, with what was not saved; start a new context, and use "
               "a data directory if it must survive";
    case errc::bad_address:
        return "the address cannot be understood, or its host is not known; write "
               "unix:///path/to/socket (of at most 107 bytes), tcp://host:port or tcp://[::1]:port";
    case errc::address_in_use:
        return "a server already answers at this address; attach to it (start_server(false)) or "
               "choose another";
    case errc::server_absent:
        return "no server answers at this address; start one with zproc serve or a context, and "
               "compare the addresses";
    case errc::not_a_zproc_server:
        return "what answers at this address does not speak the protocol of zproc; check the "
               "address";
    case errc::version_mismatch:
        return "client and server speak different versions of the protocol; build both with the "
               "same version of zproc";
    case errc::malformed_frame:
        return "a message could not be understood and the connection was closed; if both ends are "
               "the same version of zproc, report it as a bug";
    case errc::frame_too_large:
        return "a message is larger than the limit and the connection was closed; split it, or "
               "raise the limit where the server is started";
    case errc::unknown_operation:
        return "the server does not know this operation; update it to the version of the client";
    case errc::peer_not_permitted:
        return "the server belongs to another user and does not admit this one; run both as the "
               "same user";
    case errc::too_busy:
        return "the server has no room for more requests now; try again later, with fewer at once";
    case errc::outcome_unknown:
        return "the change may or may not have been applied; read the state before doing it again";
    case errc::connection_lost:
        return "the connection to the server broke and could not be restored in time; check "
               "whether the server runs, and try again";
    case errc::context_gone:
        return "the loop this handle works on was destroyed; keep the io_context alive longer than "
               "the handles' use";
    case errc::wrong_process:
        return "this handle belongs to the process that made it, and this one is a plain fork of "
               "it; make a new context, or use spawn instead of fork";
    case errc::already_finished:
        return "the process has ended already; wait() and result() say how";
    case errc::threads_before_supervisor:
        return "this program has threads already, so functions can no longer be spawned safely; "
               "call zproc::prepare() first thing in main";
    case errc::supervisor_lost:
        return "the supervisor of this program died, and its processes were stopped; restart the "
               "program";
    case errc::supervisor_failed:
        return "the supervisor could not be started; see the text for the system's reason, and "
               "check limits on processes, memory and descriptors";
    case errc::spawn_failed:
        return "the process could not be started; see the text for the system's reason, and check "
               "limits on processes and memory";
    case errc::no_build_id:
        return "the executable has no build id to name functions by; link it with -Wl,--build-id";
    case errc::unknown_function:
        return "the function is not known in the process that should run it; spawn functions of "
               "the same executable, which were loaded before the supervisor was started";
    case errc::not_serializable:
        return "an argument or result could not be carried to the other process; see the text, "
               "and check the type's serialize function";
    case errc::process_gone: return "there is no such process any more; wait() says how it ended";
    case errc::server_silent:
        return "something listens at this address but did not greet in time; check the address, "
               "and whether the server is stopped or overloaded";
    case errc::revision_not_retained:
        return "the journal no longer holds that part of the history; ask for a later revision "
               "(the diagnostics name the oldest one), or enlarge the journal";
    case errc::revision_not_made:
        return "the namespace has not come to that revision yet; wait for it with a watcher, or "
               "ask for an earlier one";
    case errc::isolation_unavailable:
        return "processes cannot be isolated as was asked for: the system does not permit it, or "
               "the supervisor was started otherwise; the text of zproc::prepare says which";
    case errc::not_authenticated:
        return "client and server do not hold the same secret, so neither trusts the other; give "
               "both the same secret file";
    case errc::secret_required:
        return "the server admits only who knows its secret; give the client the same secret file";
    case errc::bad_secret:
        return "the secret cannot be used, or is missing where one is needed: a server that "
               "listens "
               "beyond this machine needs one; make a file of at least 16 random bytes that only "
               "this user can read";
    case errc::peer_throttled:
        return "too many attempts with a wrong secret came from this address; correct the secret, "
               "wait some seconds, and try again";
    case errc::disk_full:
        return "the disk of the data directory is full, and nothing was changed; make room: "
               "reading "
               "goes on meanwhile, and writing goes on by itself then";
    case errc::disk_failed:
        return "the data directory could not be written, so nothing is acknowledged any more; "
               "check "
               "the disk and the system's log, and start the server again";
    case errc::data_damaged:
        return "the data directory holds damaged or foreign files; the server's log says which, "
               "and "
               "what of them can be saved";
    case errc::data_in_use:
        return "another server uses the data directory; stop that one, or choose another directory";
    case errc::no_shared_memory:
        return "the journal cannot be mapped over TCP, since memory is shared on one machine only; "
               "use a unix:// address of the server there, or ask over the connection instead";
    case errc::bad_certificate:
        return "the certificates for TLS cannot be used; the text says which file, and why";
    case errc::tls_failed:
        return "client and server have not agreed on TLS; the text says why: check that both use "
               "it, their certificates, and whom each trusts";
    case errc::tls_required:
        return "the server speaks only TLS over TCP; give the client tls options";
    case errc::deadline_exceeded:
        return "the item took longer than the swarm's deadline and its worker was killed; allow "
               "more time, or split the item";
    case errc::swarm_stopped:
        return "the swarm was stopped, or has no workers; make a new one, or resize it";
    case errc::wrong_build:
        return "the machines of a swarm run different builds of the program, which cannot call "
               "each "
               "other's functions; copy the same executable to all of them, with its libraries";
    case errc::conflict:
        return "another change came in between; read again and repeat the transaction";
    }
    return "unknown error of zproc; the peer may be a newer version: update this program";
}

class category final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "zproc"; }
    std::string message(int code) const override { return text_of(static_cast<errc>(code)); }
};

} // namespace

const boost::system::error_category& error_category() noexcept
{
    static const category instance;
    return instance;
}

error_code make_error_code(errc code) noexcept
{
    return {static_cast<int>(code), error_category()};
}

bool is_fatal(const error_code& ec) noexcept
{
    return ec == errc::state_lost || ec == errc::supervisor_lost || ec == errc::context_gone ||
           ec == errc::wrong_process;
}

} // namespace zproc
