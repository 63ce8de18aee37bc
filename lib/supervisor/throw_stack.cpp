#include "supervisor/throw_stack.hpp"

#include "supervisor/symbols.hpp"

#include <array>
#include <atomic>
#include <cstring>

namespace zproc::supervision {

namespace {

std::atomic<const throw_stack_source*> source_of_stacks{nullptr};

/// In every C++ runtime of the Itanium ABI an exception_ptr is the address of the thrown object.
const void* exception_object(const std::exception_ptr& error)
{
    static_assert(sizeof(std::exception_ptr) == sizeof(void*));
    const void* object = nullptr;
    std::memcpy(&object, &error, sizeof object);
    return object;
}

} // namespace

void set_throw_stack_source(const throw_stack_source& source) noexcept
{
    source_of_stacks = &source;
}

void activate_throw_stacks() noexcept
{
    if (const auto* source = source_of_stacks.load())
        source->activate();
}

std::vector<std::string> throw_stack(const std::exception_ptr& error, std::string& note)
{
    const auto* source = source_of_stacks.load();
    if (source == nullptr) {
        note = "no stack: link zproc::throw_sites to see where it was thrown";
        return {};
    }
    std::array<void*, 64> frames{};
    const auto count = source->find(exception_object(error), frames);
    if (count == 0)
        note = "no stack: it was not thrown in this process, or many were thrown since";
    return symbolize({frames.data(), count});
}

} // namespace zproc::supervision
