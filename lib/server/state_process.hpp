#pragma once

#include "server/host.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace zproc::serving {

/// The socket of a state within the supervisor's private directory.
inline constexpr std::string_view socket_name = "state";

/// To standard error, with the time of day.
void log_line(const std::string& text);

/// A listening Unix socket that only this user can connect to. Errors: bad_address (the path is
/// too long), address_in_use, those of the system.
descriptor make_listener(const std::string& path, error_code& ec);

/// The end of a server is that of its socket, too. Nothing for other sockets.
void remove_socket(int listener);

/// What a state process is started with. Whoever starts it knows nothing of what is inside.
struct state_process_start {
    int control = -1; ///< closed by the other side: the end
    int listener = -1;
    std::vector<int> more_listeners; ///< of TCP, or further Unix sockets
    int data = -1; ///< the directory that the state is kept in, of `open_data_directory`
    std::function<int(std::string_view)> find_kept; ///< what a predecessor kept; -1 for nothing
    keep_function keep;
    /// Called when `control` is readable; true at its end.
    std::function<bool(host&)> told;
    std::string options; ///< of pack_options
};

/// Serves until SIGTERM from its parent, or the end of `control`. Returns the exit code.
///
/// A predecessor that kept a ring is succeeded. Signals meant for a whole terminal or service are
/// not for the state, which outlives all who use it: they are ignored.
///
/// Where nothing is to be gained by another try, the exit code says why: see `errc_of_exit`.
int run_state_process(const state_process_start& start);

/// What made a state process end with that code; nothing for one that says nothing.
std::optional<errc> errc_of_exit(int code);

/// The options that cross a fork, as text.
std::string pack_options(const host_options& options);
std::optional<host_options> unpack_options(std::string_view text);

} // namespace zproc::serving
