#pragma once

#include "journal/reader.hpp"
#include "protocol/control_page.hpp"
#include "shared_memory.hpp"
#include "support/server_fixture.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace zproc::test::watching {

/// The ring of a state as anybody may map it, without anything of the client library.
class ring_view {
public:
    /// `wake` is an eventfd that the server is to wake, or -1.
    explicit ring_view(const std::string& address, int wake = -1)
        : client_(address.substr(sizeof "unix://" - 1)), wake_(wake)
    {
        client_.greet();
        attach();
    }

    raw_client& client() { return client_; }
    int shared_wake() const { return shared_wake_.get(); }

    /// Another ring counts by now: nothing more is written to this one.
    bool replaced() const { return protocol::control_generation(control_.bytes()) != generation_; }
    void attach()
    {
        auto reply = client_.ask(protocol::attach_request{wake_ >= 0}, wake_);
        protocol::attach_reply about;
        if (reply.error.failed() || protocol::decode(reply.body, about).failed() ||
            reply.descriptors.size() != protocol::attach_descriptors)
            throw std::runtime_error("cannot attach");
        // The reader goes first: it refers to what is unmapped.
        reader_.reset();
        ring_ = mapped_memory::readable(reply.descriptors[0].get());
        control_ = mapped_memory::readable(reply.descriptors[1].get());
        shared_wake_ = std::move(reply.descriptors[2]);
        generation_ = about.generation;
        reader_ = journal::reader::open(ring_.bytes());
        if (!reader_)
            throw std::runtime_error("cannot read the ring");
        wake_ = -1; // it is known by now
    }

    journal::reader& reader() { return *reader_; }
    std::uint64_t epoch() const { return reader_->header().epoch; }

private:
    raw_client client_;
    int wake_;
    mapped_memory ring_;
    mapped_memory control_;
    descriptor shared_wake_;
    std::uint64_t generation_ = 0;
    std::optional<journal::reader> reader_;
};

} // namespace zproc::test::watching
