#include "client/recall.hpp"

#include "store/past.hpp"

#include <boost/asio/error.hpp>

#include <utility>

namespace zproc::client {

recall::recall(surroundings around, std::string name_space, detail::past_question q,
               std::unique_ptr<detail::pending_past> p)
    : around_(std::move(around)),
      name_space_(std::move(name_space)),
      question_(std::move(q)),
      pending_(std::move(p))
{
}

void recall::start(std::function<void()> ended)
{
    ended_ = std::move(ended);
    around_.feed->add(shared_from_this()); // entered() says its id
}

void recall::cancel()
{
    finish(asio::error::operation_aborted);
}

std::unique_ptr<detail::pending_past> recall::loop_gone()
{
    around_ = {};
    ended_ = nullptr;
    return std::move(pending_);
}

void recall::registered(const protocol::watch_reply&)
{
    registered_ = true;
    awake();
}

void recall::failed(error_code ec)
{
    finish(ec);
}

void recall::awake()
{
    if (!registered_ || !pending_)
        return;
    const auto ring = around_.feed->current();
    if (!ring)
        return; // it is on its way, and wakes
    detail::past_answer a;
    const auto ec = answer(ring->reader(), a);
    finish(ec, std::move(a));
}

error_code recall::answer(const journal::reader& ring, detail::past_answer& a) const
{
    using kind = detail::past_question::kind;
    switch (question_.what) {
    case kind::at: return tell(ring, question_.first, a);
    case kind::difference: {
        if (const auto ec = tell(ring, question_.first, a))
            return ec;
        const auto from = std::exchange(a.content, {});
        if (const auto ec = tell(ring, question_.second, a))
            return ec;
        a.changes = store::difference(from, a.content);
        return {};
    }
    case kind::history: {
        auto told = store::history_of(ring, name_space_, question_.key);
        a.events = std::move(told.events);
        return told.error;
    }
    case kind::revision_at: break;
    }
    const auto told = store::point_at(ring, name_space_, question_.time);
    a.revision = told.revision;
    a.oldest = told.oldest;
    if (!told.error && !told.certain)
        return errc::revision_not_retained;
    return told.error;
}

error_code recall::tell(const journal::reader& ring, std::uint64_t revision,
                        detail::past_answer& a) const
{
    auto told = store::moment_at(ring, name_space_, revision);
    a.revision = revision;
    a.content = std::move(told.content);
    a.oldest = told.oldest;
    if (told.error)
        return told.error;
    if (revision > told.latest)
        return errc::revision_not_made;
    return revision < told.oldest ? errc::revision_not_retained : error_code();
}

void recall::finish(error_code ec, detail::past_answer&& a)
{
    if (!pending_)
        return;
    const auto self = shared_from_this();
    const auto p = std::move(pending_);
    around_.feed->remove(id_);
    p->complete(around_.io, ec, std::move(a));
    if (const auto ended = std::exchange(ended_, nullptr))
        ended();
}

} // namespace zproc::client
