#include "stress/watchers/actors.hpp"
#include "stress/watchers/ring_view.hpp"
#include "value/msgpack.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace zproc::test::watching {

namespace {

cell decoded(std::span<const std::byte> bytes)
{
    value v;
    if (msgpack::decode(bytes, v, {64, std::size_t{1} << 20}))
        throw std::runtime_error("a value in the ring cannot be read");
    return cell_of(v);
}

/// The journal's truth, as far as it was read.
class recorder {
public:
    explicit recorder(const std::string& address)
        : wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
          ring_(address, wake_.get()),
          epoll_(::epoll_create1(EPOLL_CLOEXEC))
    {
        for (unsigned i = 0; i != spaces; ++i)
            ring_.client().get<protocol::watch_reply>(
                protocol::watch_request{i + 1, space_names[i], {}});
        listen(wake_.get());
        listen(ring_.shared_wake());
    }

    void run()
    {
        page->recording = 1;
        while (!finished()) {
            const bool last = ring_.replaced();
            read_all();
            if (last) {
                // What was written before the other ring was announced has been read.
                ring_.attach();
                ++page->rings;
                continue;
            }
            std::array<epoll_event, 2> events;
            ::epoll_wait(epoll_.get(), events.data(), 2, 50);
        }
    }

private:
    void listen(int file)
    {
        epoll_event interest{};
        interest.events = EPOLLIN | EPOLLET;
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, file, &interest);
    }

    bool finished() const
    {
        for (unsigned i = 0; i + 1 != spaces; ++i)
            if (page->last[i] == 0 || revisions_[i] < page->last[i])
                return false;
        return true;
    }

    void read_all()
    {
        auto& reader = ring_.reader();
        for (;;) {
            switch (reader.next()) {
            case journal::read_result::none: return;
            case journal::read_result::lapped:
                throw std::runtime_error("the ring has lapped the recorder");
            case journal::read_result::damaged: throw std::runtime_error("the ring is damaged");
            case journal::read_result::got: break;
            }
            const auto& r = reader.record();
            if (!r.is_event() || r.commit <= commit_)
                continue;
            if (r.commit != commit_ + 1)
                throw std::runtime_error("commit " + std::to_string(r.commit) + " follows " +
                                         std::to_string(commit_));
            commit_ = r.commit;
            write_down(r);
        }
    }

    void write_down(const journal::record_view& r)
    {
        const auto name = std::ranges::find(space_names, r.name_space);
        if (name == std::end(space_names))
            return; // sessions
        const auto which = static_cast<unsigned>(name - std::begin(space_names));
        truth_entry e;
        e.where = static_cast<space>(which);
        revisions_[which] = e.revision = r.revision;
        e.time = r.time;
        e.session = r.by.session;
        e.handle = r.by.handle;
        e.at = r.at;
        e.epoch = ring_.epoch();
        for (const auto& c : r.changes) {
            e.identical = c.identical;
            e.change.key = number_of(c.key);
            e.change.after = c.after ? decoded(*c.after) : std::nullopt;
            if (!truth[which].push(e))
                throw std::runtime_error("the log of the truth is full");
        }
        page->recorded += e.where != space::greetings;
    }

    descriptor wake_;
    ring_view ring_;
    descriptor epoll_;
    std::uint64_t commit_ = 0;
    std::array<std::uint64_t, spaces> revisions_ = {};
};

} // namespace

void record_truth(context ctx)
{
    try {
        recorder(ctx.options().address()).run();
    } catch (const std::exception& e) {
        objection(std::string("the recorder: ") + e.what());
        page->stop = true;
        throw;
    }
}

} // namespace zproc::test::watching
