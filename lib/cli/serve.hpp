#pragma once

namespace zproc::cli {

/// `zproc serve ADDRESS [--journal-size BYTES]`: a state for all programs of this user, until
/// SIGINT or SIGTERM. Returns the exit code.
int serve(int argc, char** argv);

} // namespace zproc::cli
