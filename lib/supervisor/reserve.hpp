#pragma once

#include "descriptor.hpp"

#include <string>

#include <sys/types.h>

/// Descriptors put by for what must not fail for want of one: to find processes and to end them.
/// Supervisor and guardian have one reserve each.
namespace zproc::supervision {

/// Opens what is missing of it, as far as that is possible.
void keep_reserve() noexcept;

/// In a fork, when all was closed: the numbers may be others' by now.
void forget_reserve() noexcept;

/// Whether `error` says that there is no descriptor (or no memory for one) just now.
bool is_scarcity(int error) noexcept;

// As open(2) and pidfd_open(2), out of the reserve where there is nothing else. Whoever calls them
// calls keep_reserve() when it has closed what they gave. Empty, and errno.

descriptor open_anyway(const char* path, int flags) noexcept;
descriptor open_pidfd_anyway(pid_t pid) noexcept;

/// All of a file of /proc; false, and errno.
bool read_file(const char* path, std::string& out);
/// The same of one that is open.
bool read_all(const descriptor& file, std::string& out);

} // namespace zproc::supervision
