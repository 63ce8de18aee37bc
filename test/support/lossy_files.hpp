#pragma once

#include "server/file_system.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace zproc::test {

/// The machine stops.
struct power_cut {};

/// A directory in memory, on a disk that holds for certain only what was synced: of the rest, a
/// power cut leaves any sectors, and names as of any moment since they were synced. As on Linux, a
/// sync that fails gives up what it was to sync: the next one succeeds, and does not sync it.
class lossy_files : public serving::file_system {
public:
    std::uint64_t calls = 0;                ///< that change something, or sync it
    std::uint64_t cut_at = 0;               ///< the call at which the power goes; 0: never
    std::uint64_t fail_at = 0;              ///< the call that fails with EIO, and has no effect
    std::uint64_t room = ~std::uint64_t{0}; ///< bytes that the disk has for all files
    bool crowded = false;                   ///< what is given back, others take

    /// What is there after the power came back.
    void lose(std::mt19937_64& random)
    {
        names_ = durable_names_;
        const auto kept = random() % (name_steps_.size() + 1);
        for (std::size_t i = 0; i != kept; ++i)
            names_ = name_steps_[i];
        settle_names();
        for (auto& [name, each] : names_) {
            auto& one = *each;
            auto left = one.durable;
            if (random() % 2 == 0)
                left.resize(std::max(left.size(), one.now.size()));
            for (std::size_t at = 0; at < left.size(); at += sector)
                if (random() % 2 == 0)
                    for (std::size_t i = at; i != std::min(at + sector, left.size()); ++i)
                        left[i] = i < one.now.size() ? one.now[i] : std::byte{0};
            one.now = one.durable = left;
            one.given_up.clear();
        }
        open_.clear();
    }
    /// Only the process has died.
    void forget_open() { open_.clear(); }

    std::vector<std::byte>& contents(const std::string& name) { return names_.at(name)->now; }
    std::vector<std::string> names() const
    {
        std::vector<std::string> all;
        for (const auto& [name, each] : names_)
            all.push_back(name);
        return all;
    }
    std::uint64_t used() const
    {
        std::uint64_t sum = 0;
        for (const auto& [name, each] : names_)
            sum += each->now.size();
        return sum;
    }

    error_code list(std::vector<std::string>& all) override
    {
        all = names();
        return {};
    }
    error_code read(const std::string& name, std::size_t limit,
                    std::vector<std::byte>& out) override
    {
        const auto it = names_.find(name);
        if (it == names_.end())
            return failure(ENOENT);
        const auto& now = it->second->now;
        out.assign(now.begin(),
                   now.begin() + static_cast<std::ptrdiff_t>(std::min(limit, now.size())));
        return {};
    }
    int open(const std::string& name, error_code& ec) override
    {
        ec = {};
        if (!names_.contains(name)) {
            if ((ec = step()))
                return -1;
            names_[name] = std::make_shared<file>();
            name_steps_.push_back(names_);
        }
        open_[++last_] = names_.at(name);
        return last_;
    }
    void close(int number) override { open_.erase(number); }
    error_code write(int number, std::uint64_t offset, std::span<const std::byte> bytes) override
    {
        auto& now = open_.at(number)->now;
        const auto end = offset + bytes.size();
        if (const auto ec = step([&] { // any part of it may have been done
                auto some = bytes.first(bytes.size() / 2);
                resize(now, std::max<std::uint64_t>(now.size(), offset + some.size()));
                std::ranges::copy(some, now.begin() + static_cast<std::ptrdiff_t>(offset));
            }))
            return ec;
        if (end > now.size() && used() - now.size() + end > room)
            return failure(ENOSPC);
        resize(now, std::max<std::uint64_t>(now.size(), end));
        std::ranges::copy(bytes, now.begin() + static_cast<std::ptrdiff_t>(offset));
        auto& given_up = open_.at(number)->given_up;
        for (auto at = offset / sector; at * sector < end && !bytes.empty(); ++at)
            given_up.erase(at);
        return {};
    }
    error_code sync(int number) override
    {
        auto& one = *open_.at(number);
        if (const auto ec = step()) {
            for (std::size_t at = 0; at < one.now.size(); at += sector)
                if (!one.is_durable(at))
                    one.given_up.insert(at / sector);
            return ec;
        }
        one.durable.resize(one.now.size());
        for (std::size_t at = 0; at < one.now.size(); at += sector)
            if (!one.given_up.contains(at / sector))
                std::copy_n(one.now.begin() + static_cast<std::ptrdiff_t>(at),
                            std::min(sector, one.now.size() - at),
                            one.durable.begin() + static_cast<std::ptrdiff_t>(at));
        return {};
    }
    error_code allocate(int number, std::uint64_t size) override
    {
        if (const auto ec = step())
            return ec;
        auto& now = open_.at(number)->now;
        if (size > now.size() && used() - now.size() + size > room)
            return failure(ENOSPC);
        resize(now, std::max<std::uint64_t>(now.size(), size));
        return {};
    }
    error_code truncate(int number, std::uint64_t size) override
    {
        if (const auto ec = step())
            return ec;
        const auto before = used();
        resize(open_.at(number)->now, size);
        give_back(before);
        return {};
    }
    error_code rename(const std::string& from, const std::string& to) override
    {
        if (const auto ec = step())
            return ec;
        if (!names_.contains(from))
            return failure(ENOENT);
        names_[to] = names_.at(from);
        names_.erase(from);
        name_steps_.push_back(names_);
        return {};
    }
    error_code link(const std::string& from, const std::string& to) override
    {
        if (const auto ec = step())
            return ec;
        if (!names_.contains(from))
            return failure(ENOENT);
        names_.try_emplace(to, names_.at(from));
        name_steps_.push_back(names_);
        return {};
    }
    error_code remove(const std::string& name) override
    {
        if (const auto ec = step())
            return ec;
        const auto before = used();
        if (names_.erase(name) == 0)
            return failure(ENOENT);
        give_back(before);
        name_steps_.push_back(names_);
        return {};
    }
    error_code sync_names() override
    {
        if (const auto ec = step())
            return ec;
        settle_names();
        return {};
    }

private:
    static constexpr std::size_t sector = 512;
    struct file {
        std::vector<std::byte> now;
        std::vector<std::byte> durable;
        std::set<std::uint64_t> given_up; ///< sectors, whole in `now`, that no sync looks at

        bool is_durable(std::size_t at) const
        {
            const auto end = std::min(at + sector, now.size());
            return end <= durable.size() &&
                   std::equal(now.begin() + static_cast<std::ptrdiff_t>(at),
                              now.begin() + static_cast<std::ptrdiff_t>(end),
                              durable.begin() + static_cast<std::ptrdiff_t>(at));
        }
    };
    using names_type = std::map<std::string, std::shared_ptr<file>>;

    static error_code failure(int number) { return {number, boost::system::system_category()}; }
    static void resize(std::vector<std::byte>& bytes, std::uint64_t size)
    {
        bytes.resize(static_cast<std::size_t>(size));
    }
    error_code step(const std::function<void()>& partly = {})
    {
        ++calls;
        if (calls == cut_at) {
            if (partly)
                partly();
            throw power_cut{};
        }
        return calls == fail_at ? failure(EIO) : error_code();
    }
    void give_back(std::uint64_t before)
    {
        if (crowded)
            room -= before - used();
    }
    void settle_names()
    {
        durable_names_ = names_;
        name_steps_.clear();
    }

    names_type names_;
    names_type durable_names_;
    std::vector<names_type> name_steps_; ///< since they were synced
    std::map<int, std::shared_ptr<file>> open_;
    int last_ = 0;
};

} // namespace zproc::test
