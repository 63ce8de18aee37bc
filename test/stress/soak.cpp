// Everything at once for half an hour: requests, transactions, watchers, replicas, processes and
// guests, near and over a bad network, on disk, while the state process is killed now and then.
// Memory, descriptors, latency and what is on disk have to stay as they are.
//
//     soak [--full] [--seconds N] [--seed S]

#include "stress/soak/parts.hpp"
#include "support/rounds.hpp"
#include "support/sandbox.hpp"
#include "support/shared_memory.hpp"
#include "support/usage.hpp"

#include <cstdio>
#include <new>

namespace {

using namespace zproc::test;
using namespace zproc::test::soaking;
using namespace std::chrono_literals;

int soak(const plan& what)
{
    new (page) shared_page();
    to_do = what;
    const auto all = what.warming_up + what.length;
    return run_as_program(&zproc::test::soaking::soak, static_cast<unsigned>(all.count()) + 120);
}

plan short_one(unsigned seed)
{
    plan p;
    p.seed = seed;
    p.length = 3s;
    p.warming_up = 1s;
    p.between_samples = 100ms;
    p.between_kills = 700ms;
    // So early everything still grows, and a busy machine is as slow as it likes.
    p.limits = {.memory = 24 << 20, .descriptors = 20, .latency = 1000, .disk = 128 << 20};
    if (!measurable)
        p.limits.memory = std::int64_t{1} << 40;
    return p;
}

bool leaks_are_noticed(unsigned seed)
{
    bool all = true;
    for (const auto what : {leak::memory, leak::descriptor}) {
        if (what == leak::memory && !measurable)
            continue;
        auto p = short_one(seed);
        p.injected = what;
        all = soak(p) == something_grew && all;
    }
    std::printf("soak: seed %u, leaks %s noticed\n", seed, all ? "are" : "are NOT");
    return all;
}

} // namespace

int main(int argc, char** argv)
{
    sandbox::enter(argv);
    const auto given = stress_arguments::parse(argc, argv);
    page = static_cast<shared_page*>(map_shared(sizeof(shared_page)));
    bool well = leaks_are_noticed(given.seed);
    auto p = short_one(given.seed);
    if (given.full)
        p = plan{.seed = given.seed};
    if (given.seconds != 0)
        p.length = std::chrono::seconds(given.seconds);
    well = soak(p) == 0 && well;
    std::printf("soak: %s\n", well ? "all is well" : "FAILED");
    sandbox::leave();
    return well ? 0 : 1;
}
