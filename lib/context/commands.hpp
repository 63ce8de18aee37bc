#pragma once

#include "descriptor.hpp"
#include "supervisor/link.hpp"

#include <zproc/command.hpp>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace zproc::detail {

/// A command, ready to be launched: its streams are open.
struct command_plan {
    std::vector<std::string> words;
    std::vector<command::variable> variables;
    bool inherits_environment = true;
    std::optional<std::string> directory;
    std::array<int, 3> standard{0, 1, 2};
    std::array<descriptor, 3> opened; ///< those of them that are ours to close

    /// Its name where it is given none: the last part of the path.
    std::string name() const;
    void fill(supervision::spawn_request& request) const;
};

/// Opens files and pipes; this process's ends of these become `pipes`.
/// Errors: those of open(2) and pipe2(2).
std::shared_ptr<command_plan> open_command(const command& of, program_pipes& pipes, error_code& ec);

} // namespace zproc::detail
