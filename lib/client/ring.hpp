#pragma once

#include "client/connection.hpp"
#include "journal/reader.hpp"

#include <boost/interprocess/mapped_region.hpp>

#include <cstdint>
#include <memory>
#include <span>

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

/// One ring, shared by the watchers that read it.
class ring {
public:
    /// Null when the file holds no ring that this library reads.
    static std::shared_ptr<const ring> open(descriptor file);

    explicit ring(descriptor file) : file_(std::move(file)) {}

    std::uint64_t epoch() const noexcept { return epoch_; }
    journal::reader reader() const { return *journal::reader::open(file_.bytes()); }

private:
    mapped_file file_;
    std::uint64_t epoch_ = 0;
};

} // namespace zproc::client
