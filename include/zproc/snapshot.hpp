#pragma once

#include <zproc/dict.hpp>

#include <cstdint>
#include <utility>

namespace zproc {

/// Everything in a namespace as of one revision. Reads like a `dict`; a missing key is absent.
class snapshot : public dict {
public:
    snapshot() = default;
    snapshot(std::uint64_t revision, dict content) noexcept
        : dict(std::move(content)), revision_(revision)
    {
    }

    /// The namespace's revision it was taken at.
    std::uint64_t revision() const noexcept { return revision_; }

private:
    std::uint64_t revision_ = 0;
};

} // namespace zproc
