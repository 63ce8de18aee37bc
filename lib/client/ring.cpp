#include "client/ring.hpp"

#include <boost/interprocess/creation_tags.hpp>
#include <boost/interprocess/detail/os_file_functions.hpp>
#include <boost/interprocess/exceptions.hpp>

#include <utility>

namespace zproc::client {

namespace {

namespace ipc = boost::interprocess;

/// How Boost.Interprocess maps any descriptor.
struct mappable {
    int number;
    ipc::mapping_handle_t get_mapping_handle() const
    {
        return ipc::ipcdetail::mapping_handle_from_file_handle(number);
    }
    ipc::mode_t get_mode() const { return ipc::read_only; }
};

} // namespace

mapped_file::mapped_file(descriptor file)
    : file_(std::move(file)), region_(mappable{file_.get()}, ipc::read_only)
{
}

std::span<const std::byte> mapped_file::bytes() const noexcept
{
    return {static_cast<const std::byte*>(region_.get_address()), region_.get_size()};
}

std::shared_ptr<const ring> ring::open(descriptor file)
{
    try {
        auto made = std::make_shared<ring>(std::move(file));
        const auto reader = journal::reader::open(made->file_.bytes());
        if (!reader)
            return nullptr;
        made->instance_ = reader->header().instance;
        made->epoch_ = reader->header().epoch;
        return made;
    } catch (const ipc::interprocess_exception&) {
        return nullptr;
    }
}

std::shared_ptr<const ring> ring_shelf::open(descriptor file)
{
    // Its header says which it is, so it is mapped first, and dropped when there is one already.
    auto opened = ring::open(std::move(file));
    if (!opened)
        return nullptr;
    const std::lock_guard lock(mutex_);
    if (auto known = look(opened->instance(), opened->epoch()))
        return known;
    rings_.push_back(opened);
    return opened;
}

void ring_shelf::put(const std::shared_ptr<const ring>& opened)
{
    const std::lock_guard lock(mutex_);
    std::erase_if(rings_, [&](const auto& each) {
        const auto alive = each.lock();
        return !alive ||
               (alive->instance() == opened->instance() && alive->epoch() == opened->epoch());
    });
    rings_.push_back(opened);
}

std::shared_ptr<const ring> ring_shelf::find(const protocol::instance_id& instance,
                                             std::uint64_t epoch)
{
    const std::lock_guard lock(mutex_);
    return look(instance, epoch);
}

std::shared_ptr<const ring> ring_shelf::look(const protocol::instance_id& instance,
                                             std::uint64_t epoch)
{
    std::erase_if(rings_, [](const auto& each) { return each.expired(); });
    for (const auto& each : rings_)
        if (auto alive = each.lock();
            alive && alive->instance() == instance && alive->epoch() == epoch)
            return alive;
    return nullptr;
}

} // namespace zproc::client
