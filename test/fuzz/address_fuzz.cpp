#include "protocol/address.hpp"

#include "oracle.hpp"

#include <cstdint>

// What people write on a command line, or anything else.

using namespace zproc;
using namespace zproc::protocol;

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view written(reinterpret_cast<const char*>(data), size);
    for (const auto who : {side::client, side::server}) {
        address a;
        std::string text;
        const auto ec = parse_address(written, who, a, text);
        require(ec.failed() == !text.empty());
        if (ec.failed()) {
            require(ec == errc::bad_address);
            require(text.size() < 512 && text.find('\0') == text.npos);
            continue;
        }
        require(a.is_tcp() ? !a.host.empty() : a.host.empty() && a.port == 0);
        require(a.path.size() <= max_socket_path && a.host.size() <= max_host_bytes);
        require(a.port != 0 || who == side::server || !a.is_tcp());
        address again;
        require(!parse_address(to_string(a), who, again, text).failed());
        require(again == a);
    }
    return 0;
}
