#pragma once

#include "descriptor.hpp"

#include <cstddef>
#include <span>
#include <utility>

namespace zproc {

/// A mapping, unmapped by its owner.
class mapped_memory {
public:
    mapped_memory() noexcept = default;
    mapped_memory(mapped_memory&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
    mapped_memory& operator=(mapped_memory&& other) noexcept
    {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~mapped_memory();

    static mapped_memory writable(int file, std::size_t size, bool populate);
    static mapped_memory readable(int file, bool populate = false); ///< the whole file

    std::span<std::byte> bytes() const noexcept { return bytes_; }
    explicit operator bool() const noexcept { return !bytes_.empty(); }

private:
    explicit mapped_memory(std::span<std::byte> bytes) noexcept : bytes_(bytes) {}
    std::span<std::byte> bytes_;
};

struct shared_file {
    descriptor file;
    mapped_memory memory;
    explicit operator bool() const noexcept { return static_cast<bool>(memory); }
};

/// A memfd mapped here for writing, and by nobody ever after: whoever gets the descriptor, a
/// successor too, can only read. Empty on failure; errno says why.
shared_file make_sealed_file(const char* name, std::size_t size, bool populate = true);

/// A memfd of fixed size that its descriptor may write to; others get `reopen_readable`.
shared_file make_page(const char* name, std::size_t size);
shared_file open_page(descriptor file);
descriptor reopen_readable(int file);

bool is_eventfd(int file);

/// Wakes whoever waits for it; never waits itself.
void signal_eventfd(int file);

} // namespace zproc
