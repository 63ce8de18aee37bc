#pragma once

#include "journal/layout.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace zproc::journal {

/// How the writer stores into the shared region: nothing else ever writes to it. Tests put
/// themselves in between, to stop the world after any store or to break the order.
///
/// Every store is atomic and a release: whoever sees one sees all before it, so the order of
/// calls is the order in which readers (and successors) find them done.
class memory {
public:
    explicit memory(std::span<std::byte> region) : region_(region) {}
    virtual ~memory() = default;
    memory(const memory&) = delete;
    memory& operator=(const memory&) = delete;

    std::span<std::byte> region() const noexcept { return region_; }

    /// Copies words to `offset` of the region, which is a multiple of 8.
    virtual void copy(std::size_t offset, std::span<const std::uint64_t> words);
    virtual void store_head(position head);
    virtual void store_tail(position tail);

protected:
    void store(std::size_t offset, std::uint64_t word);

private:
    std::span<std::byte> region_;
};

} // namespace zproc::journal
