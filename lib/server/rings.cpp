#include "server/rings.hpp"

#include "journal/bytes.hpp"
#include "journal/encode.hpp"
#include "protocol/control_page.hpp"

#include <algorithm>
#include <cstdlib>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace zproc::serving {

namespace {

constexpr const char* ring_name = "zproc-ring";
constexpr const char* control_name = "zproc-control";

error_code system_failure()
{
    return {errno, boost::system::system_category()};
}

/// Whatever was asked for, a ring can be made of it: whole pages, not fewer than the journal needs.
journal::writer_options usable(journal::writer_options limits)
{
    constexpr auto page = journal::smallest_capacity;
    limits.largest_capacity = std::max(limits.largest_capacity / page * page, page);
    return limits;
}

std::uint64_t usable(std::uint64_t capacity, const journal::writer_options& limits)
{
    constexpr auto page = journal::smallest_capacity;
    capacity = std::clamp(capacity, page, limits.largest_capacity);
    return (capacity + page - 1) / page * page;
}

} // namespace

error_code rings::keep(std::string_view name, int file)
{
    return keep_ ? keep_(name, file) : error_code();
}

error_code rings::use_control(shared_file page)
{
    control_ = std::move(page);
    if (!control_ || control_.memory.bytes().size() < protocol::control_page_bytes)
        return errc::state_lost;
    control_for_clients_ = reopen_readable(control_.file.get());
    return control_for_clients_ ? error_code() : system_failure();
}

/// The control page and the eventfd of a new instance, or of one that nobody remembers.
error_code rings::make_shared(const protocol::instance_id& instance)
{
    hall_.about.instance = instance;
    auto page = make_page(control_name, protocol::control_page_bytes);
    if (!page)
        return system_failure();
    protocol::format_control_page(page.memory.bytes(), instance);
    if (const auto ec = use_control(std::move(page)); ec.failed())
        return ec;
    wake_ = descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    return wake_ ? error_code() : system_failure();
}

error_code rings::keep_shared()
{
    const auto ec = keep("control", control_.file.get());
    return ec.failed() ? ec : keep("wake", wake_.get());
}

error_code rings::create(std::uint64_t capacity, const protocol::instance_id& instance,
                         store::database_options options, journal::writer_options limits)
{
    limits_ = usable(limits);
    if (const auto ec = make_shared(instance); ec.failed())
        return ec;
    journal::ring_header header;
    header.instance = instance;
    header.epoch = 1;
    header.capacity = usable(capacity, limits_);
    auto ring = make_ring(header);
    if (!ring)
        return system_failure();
    // A ring that was never announced holds nothing: kept first of all, these are no successor's.
    if (const auto ec = keep_shared(); ec.failed())
        return ec;
    auto& writer = *ring;
    hall_.data = std::make_unique<store::database>(std::move(ring), *this, options);
    ring_replaced(writer);
    return begun_;
}

error_code rings::restore(std::span<const std::byte> old, store::database_options options,
                          journal::writer_options limits)
{
    limits_ = usable(limits);
    const auto header = journal::read_header(old);
    if (!header)
        return errc::state_lost;
    if (const auto ec = make_shared(header->instance); ec.failed())
        return ec;
    if (const auto ec = keep_shared(); ec.failed())
        return ec;
    hall_.data = store::database::recover(old, *this, options);
    return hall_.data ? begun_ : make_error_code(errc::state_lost);
}

error_code rings::succeed(const inheritance& from, store::database_options options,
                          journal::writer_options limits)
{
    limits_ = usable(limits);
    if (const auto ec = use_control(open_page(descriptor(from.control))); ec.failed())
        return ec;
    const auto instance = protocol::control_instance(control_.memory.bytes());
    if (!instance)
        return errc::state_lost;
    hall_.about.instance = *instance;
    hall_.generation = protocol::control_generation(control_.memory.bytes());
    wake_ = descriptor(from.wake);

    const descriptor file(from.ring);
    const auto old = mapped_memory::readable(file.get(), true);
    const auto header = old ? journal::read_header(old.bytes()) : std::nullopt;
    if (!header || header->instance != *instance)
        return errc::state_lost;
    // Announced is only what was kept before: an older ring here means that the newer one was lost
    // on the way, and with it what was acknowledged since.
    if (header->epoch < protocol::control_epoch(control_.memory.bytes()))
        return errc::state_lost;
    if (disk_)
        if (const auto ec = disk_->look_beside(
                *header,
                journal::load<journal::position>(old.bytes().data() + journal::at_header::head));
            ec.failed())
            return ec;
    hall_.data = store::database::recover(old.bytes(), *this, options);
    return hall_.data ? begun_ : make_error_code(errc::state_lost);
}

error_code rings::admit(const journal::transaction& what, const journal::writer& ring)
{
    if (!disk_)
        return {};
    // Sessions and the table of processes have no requests: they may use the last of the room.
    return disk_->admit(journal::encoded_size(what), ring.written(), what.request == 0);
}

error_code rings::admit_ring(std::uint64_t capacity)
{
    return disk_ ? disk_->prepare(capacity) : error_code();
}

void rings::end()
{
    if (control_)
        protocol::announce_end(control_.memory.bytes());
}

std::unique_ptr<journal::writer> rings::make_ring(const journal::ring_header& header)
{
    next_ = make_sealed_file(ring_name, journal::region_size(header.capacity));
    if (!next_)
        return nullptr;
    if (!disk_)
        return std::make_unique<journal::writer>(next_.memory.bytes(), header, limits_);
    auto memory = std::make_unique<disk_memory>(next_.memory.bytes(), *disk_);
    next_memory_ = memory.get();
    return std::make_unique<journal::writer>(std::move(memory), header, limits_);
}

/// From here on commits go to the new ring, so a successor must get that one: handed over first,
/// begun on disk, announced then. In between both hold the same.
void rings::ring_replaced(journal::writer& now)
{
    // Going on would lose what is acknowledged from here on; a successor has the old ring.
    if (keep("ring", next_.file.get()).failed())
        ::_exit(EXIT_FAILURE);
    if (disk_) {
        begun_ = disk_->begin(now);
        if (begun_.failed() && ring_) { // there was room for it, and is no more
            if (!keep_)
                disk_->fail("written", begun_);
            ::_exit(EXIT_FAILURE);
        }
        next_memory_->go_live();
    }
    if (ring_)
        old_.push_back(std::move(ring_));
    ring_ = std::move(next_);
    next_ = {};
    hall_.about.epoch = now.header().epoch;
    hall_.ring_bytes = ring_.memory.bytes().size();
    ++hall_.generation;
    protocol::announce(control_.memory.bytes(), hall_.about.epoch, hall_.generation);
    replaced_ = true;
}

} // namespace zproc::serving
