#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/is_error_code_enum.hpp>
#include <boost/system/system_error.hpp>

#include <cstdint>
#include <string>
#include <type_traits>

namespace zproc {

using boost::system::error_code;
using boost::system::system_error;

/// What can go wrong in zproc itself; errors of the operating system and of Asio
/// (`operation_aborted`, `timed_out`, `already_started`) keep their own categories.
///
/// `error_code::message()` says what happened and what to do about it.
/// The numbers travel in the protocol: they are appended to, never renumbered.
enum class errc {
    // what was asked of a value or a key
    no_such_key = 1,
    type_mismatch,
    not_representable,
    arithmetic_overflow,
    value_too_deep,
    too_large,
    malformed_value,
    empty_namespace,
    nested_atomic,

    // watchers and history
    end_of_stream,
    journal_overrun,
    state_lost,

    // addresses, connections, the protocol
    bad_address,
    address_in_use,
    server_absent,
    not_a_zproc_server,
    version_mismatch,
    malformed_frame,
    frame_too_large,
    unknown_operation,
    peer_not_permitted,
    too_busy,
    outcome_unknown,
    connection_lost,

    // the loop and the process they are used from
    context_gone,
    wrong_process,
    already_finished,

    // supervision
    threads_before_supervisor,
    supervisor_lost,
    supervisor_failed,
    spawn_failed,
    no_build_id,
    unknown_function,
    not_serializable,
    process_gone,

    // between a client and its server only; never seen by users
    conflict,

    // connections, again
    server_silent,

    // history, again
    revision_not_retained,
    revision_not_made,

    // supervision, again
    isolation_unavailable,

    // who may connect
    not_authenticated,
    secret_required,
    bad_secret,
    peer_throttled,

    // the data directory
    disk_full,
    disk_failed,
    data_damaged,
    data_in_use,

    // connections, once more
    no_shared_memory,

    // TLS
    bad_certificate,
    tls_failed,
    tls_required,

    // swarms
    deadline_exceeded,
    swarm_stopped,
    wrong_build,
};

/// The last of them.
inline constexpr errc last_errc = errc::wrong_build;

/// The category of `errc`; lives as long as the program.
const boost::system::error_category& error_category() noexcept;

error_code make_error_code(errc code) noexcept;

/// True when nothing done through the same context can succeed any more: the state or the
/// supervisor is lost, the loop is gone, or the process is a plain fork of the one that made it.
bool is_fatal(const error_code& ec) noexcept;

/// Where an operation puts what a code cannot say: which types a value has and was asked for,
/// which threads keep `prepare` from forking. Filled in before the handler is called.
///
/// Object lifetimes: must outlive the operation it is given to.
struct diagnostics {
    /// What happened, and what to do; empty after a success.
    std::string text;
    /// With `errc::revision_not_retained`: the oldest revision that could be asked for.
    std::uint64_t oldest_revision = 0;
};

} // namespace zproc

template <>
struct boost::system::is_error_code_enum<zproc::errc> : std::true_type {};
