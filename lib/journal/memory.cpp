#include "journal/memory.hpp"

#include <atomic>

namespace zproc::journal {

// Stores are releases, and readers' loads acquires, word by word: on x86-64 that is a plain move,
// and it needs no fence between the tail and what is overwritten after it. A reader that sees an
// overwritten word therefore sees the tail that was stored before it.
void memory::store(std::size_t offset, std::uint64_t word)
{
    auto* place = reinterpret_cast<std::uint64_t*>(region_.data() + offset);
    std::atomic_ref<std::uint64_t>(*place).store(word, std::memory_order_release);
}

void memory::copy(std::size_t offset, std::span<const std::uint64_t> words)
{
    for (const std::uint64_t word : words) {
        store(offset, word);
        offset += sizeof word;
    }
}

void memory::store_head(position head)
{
    store(at_header::head, head);
}

void memory::store_tail(position tail)
{
    store(at_header::tail, tail);
}

} // namespace zproc::journal
