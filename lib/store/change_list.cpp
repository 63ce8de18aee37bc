#include <zproc/change_list.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace zproc {

static_assert(std::is_nothrow_move_constructible_v<change>, "what has been moved cannot fail");

change_list::change_list(std::initializer_list<change> all)
{
    change_list made;
    for (const auto& each : all)
        made.push_back(each);
    take(made);
}

change_list::change_list(const change_list& other)
{
    change_list made; // destroyed with what it has, should there be no memory for all
    for (const auto& each : other)
        made.push_back(each);
    take(made);
}

change_list& change_list::operator=(const change_list& other)
{
    if (this != &other)
        *this = change_list(other);
    return *this;
}

const change& change_list::at(size_type index) const
{
    if (index >= size_)
        throw std::out_of_range("a list of " + std::to_string(size_) + " changes has no number " +
                                std::to_string(index));
    return data()[index];
}

change& change_list::at(size_type index)
{
    return const_cast<change&>(std::as_const(*this).at(index));
}

void change_list::grow()
{
    std::allocator<change> memory;
    const auto wider = 2 * capacity_;
    change* const to = memory.allocate(wider);
    std::uninitialized_move(begin(), end(), to);
    ::new (static_cast<void*>(to + size_)) change;
    destroy();
    more_ = to;
    capacity_ = wider;
}

void change_list::destroy_more() noexcept
{
    std::destroy_n(more_, size_);
    std::allocator<change>().deallocate(more_, capacity_);
}

} // namespace zproc
