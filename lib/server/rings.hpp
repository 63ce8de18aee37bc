#pragma once

#include "server/disk_memory.hpp"
#include "server/session_fsm.hpp"
#include "shared_memory.hpp"

#include <zproc/error.hpp>

#include <functional>
#include <string_view>
#include <vector>

namespace zproc::serving {

/// Leaves a descriptor with whoever starts a successor; returns when it is safe there.
using keep_function = std::function<error_code(std::string_view name, int file)>;

/// The rings of a state, its control page and the eventfd all share: what lives in memory that
/// others map, and what a successor is given of it.
class rings final : public store::surroundings {
public:
    rings(hall& shared, keep_function keep) : hall_(shared), keep_(std::move(keep)) {}

    /// From here on, what is published is on that disk. It outlives this and the rings.
    void use(disk& on) { disk_ = &on; }

    // What a successor finds, by name; -1 for none.
    struct inheritance {
        int ring = -1;
        int control = -1;
        int wake = -1;
    };

    /// The first life: a new instance, an empty ring of `capacity`, or of the nearest there can be.
    error_code create(std::uint64_t capacity, const protocol::instance_id& instance,
                      store::database_options options, journal::writer_options limits);
    /// The first life after another: everything in the ring that was made of what is on disk.
    error_code restore(std::span<const std::byte> old, store::database_options options,
                       journal::writer_options limits);
    /// The next one: everything in the ring that was left, under the same instance.
    error_code succeed(const inheritance& from, store::database_options options,
                       journal::writer_options limits);

    int ring_file() const { return ring_.file.get(); }
    int control_file() const { return control_for_clients_.get(); }
    int wake_file() const { return wake_.get(); }

    /// The state is being stopped: tells who only reads shared memory.
    void end();

    /// A ring was replaced since the last call: everybody has to know.
    bool take_replaced() { return std::exchange(replaced_, false); }
    /// The operation that replaced rings is over: nothing refers to the old ones any more.
    void retire() { old_.clear(); }

    std::unique_ptr<journal::writer> make_ring(const journal::ring_header& header) override;
    void ring_replaced(journal::writer& now) override;
    error_code admit(const journal::transaction& what, const journal::writer& ring) override;
    error_code admit_ring(std::uint64_t capacity) override;
    void changed(std::string_view name_space, std::string_view key) override
    {
        hall_.who.touch(name_space, key);
    }

private:
    error_code keep(std::string_view name, int file);
    error_code use_control(shared_file page);
    error_code make_shared(const protocol::instance_id& instance);
    error_code keep_shared();

    hall& hall_;
    keep_function keep_;
    journal::writer_options limits_;
    disk* disk_ = nullptr;
    error_code begun_; ///< why no ring could be begun on disk
    shared_file ring_;
    shared_file next_;
    disk_memory* next_memory_ = nullptr; ///< of its writer
    std::vector<shared_file> old_;
    shared_file control_;
    descriptor control_for_clients_;
    descriptor wake_;
    bool replaced_ = false;
};

} // namespace zproc::serving
