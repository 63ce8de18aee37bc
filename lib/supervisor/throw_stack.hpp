#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <vector>

namespace zproc::supervision {

/// Where stacks of throw sites come from: the link component zproc::throw_sites, when it is
/// linked. It captures nothing until it is activated, in processes that zproc has spawned.
struct throw_stack_source {
    void (*activate)() noexcept;
    /// Copies the frames captured when that exception object was thrown; their number.
    std::size_t (*find)(const void* exception_object, std::span<void*> room) noexcept;
};

void set_throw_stack_source(const throw_stack_source& source) noexcept;

void activate_throw_stacks() noexcept;

/// The stack in lines, innermost first. When there is none, `note` says why, and what to do.
std::vector<std::string> throw_stack(const std::exception_ptr& error, std::string& note);

} // namespace zproc::supervision
