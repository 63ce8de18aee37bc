#pragma once

#include <cstddef>
#include <new>

namespace zproc::detail {

/// Memory of what every operation needs, kept by the thread that gives it back, up to some hundred KiB.
/// Aligned as by `new`; of the size that it was taken with.
void* take_memory(std::size_t size);
void give_memory(void* memory, std::size_t size) noexcept;

/// What is derived from it lies there.
struct recycled {
    static void* operator new(std::size_t size) { return take_memory(size); }
    static void operator delete(void* memory, std::size_t size) noexcept
    {
        give_memory(memory, size);
    }
    static void* operator new(std::size_t size, std::align_val_t wide)
    {
        return ::operator new(size, wide);
    }
    static void operator delete(void* memory, std::align_val_t wide) noexcept
    {
        ::operator delete(memory, wide);
    }
};

} // namespace zproc::detail
