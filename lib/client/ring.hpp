#pragma once

#include "client/connection.hpp"
#include "journal/reader.hpp"
#include "protocol/layout.hpp"

#include <boost/interprocess/mapped_region.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace zproc::client {

/// A memory file of the server's, mapped read-only for as long as anybody reads it.
class mapped_file {
public:
    /// Maps everything. Throws `boost::interprocess::interprocess_exception`.
    explicit mapped_file(descriptor file);

    std::span<const std::byte> bytes() const noexcept;

private:
    descriptor file_;
    boost::interprocess::mapped_region region_;
};

/// One ring, shared by the watchers and replicas that read it.
class ring {
public:
    /// Null when the file holds no ring that this library reads.
    static std::shared_ptr<const ring> open(descriptor file);

    explicit ring(descriptor file) : file_(std::move(file)) {}

    const protocol::instance_id& instance() const noexcept { return instance_; }
    std::uint64_t epoch() const noexcept { return epoch_; }
    journal::reader reader() const { return *journal::reader::open(file_.bytes()); }

private:
    mapped_file file_;
    protocol::instance_id instance_{};
    std::uint64_t epoch_ = 0;
};

/// The rings that are mapped in this context: who comes by another descriptor of one shares it.
///
/// Thread safety: any thread.
class ring_shelf {
public:
    /// Null when the file holds no ring that this library reads.
    std::shared_ptr<const ring> open(descriptor file);

    /// In place of another one of the same epoch: a mirror that had to begin anew.
    void put(const std::shared_ptr<const ring>& opened);

    /// Null when nobody has it mapped.
    std::shared_ptr<const ring> find(const protocol::instance_id& instance, std::uint64_t epoch);

private:
    std::shared_ptr<const ring> look(const protocol::instance_id& instance, std::uint64_t epoch);

    std::mutex mutex_; ///< of what follows
    std::vector<std::weak_ptr<const ring>> rings_;
};

} // namespace zproc::client
