#pragma once

#include <filesystem>

namespace zproc::test {

/// The world of one test program: a private directory that $XDG_RUNTIME_DIR and $TMPDIR point to,
/// and a mark in the environment by which every process it ever started can be found, wherever
/// in the process tree that has gone.
///
/// The mark must be there when the program begins (/proc shows the environment of that moment),
/// so `enter` executes the program once more. Call it first in main().
class sandbox {
public:
    static void enter(char** argv);

    /// Removes the private directory, for good.
    static void leave();

    static const std::filesystem::path& directory();

    /// Another one in /tmp, for whom the first is too private. It carries this process's number.
    static std::filesystem::path make_directory();

    /// Removes what test programs have left there that were killed before they could. Every program
    /// does so when it begins, while others are running: what has another kind of name stays.
    static void sweep(const std::filesystem::path& where);
};

} // namespace zproc::test
