#pragma once

#include "journal/record.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace zproc::journal {

/// What the writer asks and tells whoever knows what lives where (the store).
///
/// An item is live until a newer record replaces or removes it: a value until its key is written
/// again or erased, a namespace's counter until a newer record holds it (`record_view::counter`),
/// a reply until it is acknowledged or its session expires.
/// The questions are asked, and moves told, inside `writer::append` and `writer::catch_up` only;
/// the index must by then reflect everything appended before. Views live as long as the call.
class live_index {
public:
    virtual ~live_index() = default;

    /// Is the value of this key the one in the record at `record`?
    virtual bool value_live(std::string_view name_space, std::string_view key, position record) = 0;
    /// Is the record at `record` the newest one that holds the counter of this namespace?
    virtual bool counter_live(std::string_view name_space, position record) = 0;
    /// Is the reply to this request still kept, and is it the one in the record at `record`?
    virtual bool reply_live(std::uint64_t session, std::uint64_t request, position record) = 0;

    /// The item lives in the record at `record` now, its bytes at `place`.
    virtual void value_moved(std::string_view name_space, std::string_view key, position record,
                             value_place place) = 0;
    virtual void counter_moved(std::string_view name_space, position record) = 0;
    virtual void reply_moved(std::uint64_t session, std::uint64_t request, position record,
                             value_place place) = 0;

    /// The sum of `carried_…_size` over all live items.
    virtual std::uint64_t live_bytes() const = 0;
};

/// What an item takes in the ring when it has a record to itself; it never takes more.
constexpr std::uint64_t carried_value_size(std::size_t name_space, std::size_t key,
                                           std::size_t value) noexcept
{
    return (at_record::body + name_space + at_change::body + key + value + 7) / 8 * 8;
}

constexpr std::uint64_t carried_counter_size(std::size_t name_space) noexcept
{
    return (at_record::body + name_space + 7) / 8 * 8;
}

constexpr std::uint64_t carried_reply_size(std::size_t reply) noexcept
{
    return (at_record::body + reply + 7) / 8 * 8;
}

} // namespace zproc::journal
