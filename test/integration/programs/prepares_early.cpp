// Forks the supervisor before main(), and before the entry that it spawns then is registered
// dynamically: the supervisor must know it nevertheless.

#include "supervisor/link.hpp"
#include "supervisor/prepare.hpp"

#include <boost/asio/io_context.hpp>

using namespace zproc::supervision;

namespace {

const bool prepared = !prepare();

int twenty_one(const child_start&)
{
    return 21;
}

ZPROC_SUPERVISION_ENTRY(entry_of_this_file, &twenty_one);

} // namespace

int main()
{
    boost::asio::io_context io;
    zproc::error_code ec;
    const auto supervisor = zproc::supervision::link::make(io.get_executor(), ec);
    if (!prepared || ec)
        return 1;
    int code = 2;
    auto listening = supervisor->listen();
    spawn_request request;
    request.run = &twenty_one;
    supervisor->start(
        request,
        [&](notice n) {
            if (n.what == notice::kind::exited)
                code = n.exit.number - 21;
            if (n.what == notice::kind::gone)
                listening.reset();
        },
        zproc::detail::handler<void(zproc::error_code, started_child)>(
            [&](zproc::error_code failed, started_child) {
                if (failed)
                    listening.reset();
            }));
    io.run();
    return code;
}
