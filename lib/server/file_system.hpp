#pragma once

#include "descriptor.hpp"

#include <zproc/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace zproc::serving {

/// One directory, and what a disk does with the files in it. Tests put one in between that loses
/// what was not synced, or fails when they say so.
///
/// `sync` and `close` of different files, and `sync` beside anything, may be called from two
/// threads at once; everything else from one.
class file_system {
public:
    virtual ~file_system() = default;

    virtual error_code list(std::vector<std::string>& names) = 0;
    /// The first bytes of a file, `limit` at most.
    virtual error_code read(const std::string& name, std::size_t limit,
                            std::vector<std::byte>& out) = 0;
    /// For writing, made if it is not there; -1 on failure.
    virtual int open(const std::string& name, error_code& ec) = 0;
    virtual void close(int file) = 0;
    virtual error_code write(int file, std::uint64_t offset, std::span<const std::byte> bytes) = 0;
    /// Until it returns, nothing that was written is there after a power cut.
    virtual error_code sync(int file) = 0;
    /// Bytes up to `size` can be written to, whatever else fills the disk. What was not written
    /// reads as zeros.
    virtual error_code allocate(int file, std::uint64_t size) = 0;
    virtual error_code truncate(int file, std::uint64_t size) = 0;
    virtual error_code rename(const std::string& from, const std::string& to) = 0;
    /// A second name for a file; one that has it already is left alone.
    virtual error_code link(const std::string& from, const std::string& to) = 0;
    virtual error_code remove(const std::string& name) = 0;
    /// What `sync` is for the contents of files, for their names.
    virtual error_code sync_names() = 0;
};

/// Of this machine since it was started; zeros where the system does not tell.
std::array<std::byte, 16> boot_id();

/// Whether more could be written once somebody makes room.
bool is_full(const error_code& ec) noexcept;

/// The directory for a state's data, made if it is not there, for this user only; locked as long as
/// it, or a duplicate, is open. Errors: data_in_use, those of the system.
descriptor open_data_directory(const std::string& path, error_code& ec);

/// The real one.
class directory final : public file_system {
public:
    explicit directory(descriptor opened) : opened_(std::move(opened)) {}

    error_code list(std::vector<std::string>& names) override;
    error_code read(const std::string& name, std::size_t limit,
                    std::vector<std::byte>& out) override;
    int open(const std::string& name, error_code& ec) override;
    void close(int file) override;
    error_code write(int file, std::uint64_t offset, std::span<const std::byte> bytes) override;
    error_code sync(int file) override;
    error_code allocate(int file, std::uint64_t size) override;
    error_code truncate(int file, std::uint64_t size) override;
    error_code rename(const std::string& from, const std::string& to) override;
    error_code link(const std::string& from, const std::string& to) override;
    error_code remove(const std::string& name) override;
    error_code sync_names() override;

private:
    descriptor opened_;
};

} // namespace zproc::serving
