#include "support/batch_client.hpp"

#include "protocol/client_handshake.hpp"
#include "support/echo.hpp"
#include "value/msgpack.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace zproc::bench {
namespace {

constexpr std::string_view name_space = "default";
constexpr std::array<std::string_view, 10> keys{"key 0", "key 1", "key 2", "key 3", "key 4",
                                                "key 5", "key 6", "key 7", "key 8", "key 9"};

void write(int socket, const protocol::buffer& bytes)
{
    if (!write_all(socket, reinterpret_cast<const char*>(bytes.data()), bytes.size()))
        throw std::runtime_error("the state process has gone");
}

} // namespace

batch_client::batch_client(const std::string& address)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
{
    constexpr std::string_view scheme = "unix://";
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    address.copy(where.sun_path, sizeof where.sun_path - 1,
                 address.starts_with(scheme) ? scheme.size() : 0);
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0)
        throw std::system_error(errno, std::generic_category(), "connect to " + address);
    protocol::client_handshake handshake;
    if (handshake.begin(out_, 0, {}, {}, {}).failed())
        throw std::runtime_error("no hello");
    write(socket_.get(), out_);
    protocol::server_hello welcome;
    std::string text;
    if (const auto ec = handshake.take(receive(), out_, welcome, text); ec.failed())
        throw system_error(ec, text);
}

void batch_client::run(const batches_of& work)
{
    std::size_t sent = 0;
    for (; sent != std::min(work.ahead, work.batches); ++sent)
        send(work);
    for (std::size_t done = 0; done != work.batches; ++done) {
        receive(work);
        if (sent != work.batches) {
            send(work);
            ++sent;
        }
    }
}

void batch_client::send(const batches_of& work)
{
    out_.clear();
    for (std::size_t i = 0; i != work.depth; ++i)
        add(work.what, i % keys.size());
    write(socket_.get(), out_);
}

void batch_client::receive(const batches_of& work)
{
    for (std::size_t i = 0; i != work.depth; ++i)
        receive();
    if (work.what != batched::get)
        answered_ += work.depth;
}

void batch_client::add(batched what, std::size_t key)
{
    value_.clear();
    msgpack::writer(value_).write_int(static_cast<std::int64_t>(number_));
    ++correlation_;
    const auto by = [&] { return protocol::mutation{++number_, answered_, 1}; };
    switch (what) {
    case batched::set: {
        protocol::set_request m;
        m.by = by();
        m.name_space = name_space;
        m.key = keys[key];
        m.value = value_;
        return protocol::write_request(out_, correlation_, m);
    }
    case batched::increment: {
        protocol::increment_request m;
        m.by = by();
        m.name_space = name_space;
        m.key = keys[key];
        m.amount = value_;
        return protocol::write_request(out_, correlation_, m);
    }
    case batched::get: {
        protocol::get_request m;
        m.name_space = name_space;
        m.key = keys[key];
        return protocol::write_request(out_, correlation_, m);
    }
    case batched::update: { // of two keys
        protocol::update_request m;
        m.by = by();
        m.name_space = name_space;
        m.entries = {{keys[key], value_}, {keys[(key + 1) % keys.size()], value_}};
        return protocol::write_request(out_, correlation_, m);
    }
    case batched::exchange: { // fails: the key is there
        protocol::compare_exchange_request m;
        m.by = by();
        m.name_space = name_space;
        m.key = keys[key];
        m.desired = value_;
        return protocol::write_request(out_, correlation_, m);
    }
    case batched::commit: { // of an atomic function that has read nothing
        protocol::commit_request m;
        m.by = by();
        m.name_space = name_space;
        m.writes = {{keys[key], value_}};
        return protocol::write_request(out_, correlation_, m);
    }
    }
}

protocol::frame batch_client::receive()
{
    protocol::frame f;
    for (;;) {
        const auto how = parser_.next(f);
        if (how == protocol::frame_parser::failed)
            throw std::runtime_error("the state process answers with something else");
        if (how == protocol::frame_parser::found)
            break;
        const auto room = parser_.prepare(16 << 10);
        const auto count = ::read(socket_.get(), room.data(), room.size());
        if (count <= 0)
            throw std::runtime_error("the state process has closed");
        parser_.commit(static_cast<std::size_t>(count));
    }
    if (f.status != 0)
        throw system_error(f.error(), protocol::error_text(f.body));
    return f;
}

} // namespace zproc::bench
