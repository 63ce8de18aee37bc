#include <zproc/detail/ending.hpp>

namespace zproc::detail {

void explain(diagnostics* why, const error_code& ec, const std::string& text,
             std::uint64_t oldest_revision)
{
    if (!why)
        return;
    why->text = !ec ? std::string() : text.empty() ? ec.message() : text;
    why->oldest_revision = oldest_revision;
}

} // namespace zproc::detail
