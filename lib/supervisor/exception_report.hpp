#pragma once

#include <zproc/exit_info.hpp>

#include <exception>
#include <string_view>

namespace zproc::supervision {

/// All there is to say of an exception caught in this process, which is called `process`. A null
/// `error` stands for a foreign exception, which C++ cannot hold.
error_report describe(const std::exception_ptr& error, std::string_view process);

/// True for what a coroutine throws when it is cancelled; and when it is stopped together with
/// those whose results it waits for: that a signal which stops has ended them.
bool is_cancellation(const std::exception_ptr& error) noexcept;

} // namespace zproc::supervision
