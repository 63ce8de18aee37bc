#include "client/local_replica.hpp"

#include <utility>

namespace zproc::client {

namespace {

/// A ring is replaced when it has become too small by a third: nobody finds so many in a row.
constexpr int most_rings = 64;

error_code code_of(replica::progress result)
{
    switch (result) {
    case replica::progress::overrun: return errc::journal_overrun;
    case replica::progress::damaged: return errc::state_lost;
    default: return {};
    }
}

} // namespace

local_replica::local_replica(std::string name_space, std::shared_ptr<const instance> of,
                             instance::found in)
    : of_(std::move(of)), index_(std::move(name_space))
{
    enter(std::move(in));
}

void local_replica::enter(instance::found in)
{
    index_.enter(in.ring->reader());
    ring_ = std::move(in.ring); // after: the reader of the old one is gone
    generation_ = in.generation;
}

error_code local_replica::begin()
{
    return code_of(index_.catch_up());
}

void local_replica::fail(error_code ec) const
{
    std::string text = "reading the replica of '" + name() + "'";
    if (ec == errc::journal_overrun)
        text += ", which is overwritten faster than it can be read (see journal_size)";
    throw system_error(ec, text);
}

void local_replica::catch_up()
{
    for (int rings = 0;; ++rings) {
        if (const auto ec = of_->failure())
            fail(ec);
        if (const auto ec = code_of(index_.catch_up()))
            fail(ec);
        if (of_->counts(generation_))
            return;
        if (rings == most_rings)
            fail(errc::journal_overrun);
        if (!of_->failure())
            enter(of_->current());
    }
}

const value* local_replica::find(std::string_view key)
{
    refresh();
    return index_.find(key);
}

std::size_t local_replica::size()
{
    refresh();
    return index_.size();
}

std::vector<std::string> local_replica::keys()
{
    refresh();
    return index_.keys();
}

dict local_replica::items(std::uint64_t& revision)
{
    refresh();
    revision = index_.revision();
    return index_.items();
}

std::uint64_t local_replica::revision()
{
    refresh();
    return index_.revision();
}

} // namespace zproc::client
