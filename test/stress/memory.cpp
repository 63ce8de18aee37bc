// What is remembered: the memory of a state process stays flat, however often its keys change; and
// a process that touches two keys of very many takes no more than these.
//
//     memory [--full] [--seed S]

#include "stress/memory/parts.hpp"
#include "support/rounds.hpp"
#include "support/sandbox.hpp"
#include "support/shared_memory.hpp"
#include "support/usage.hpp"

#include <cstdio>
#include <new>

namespace {

using namespace zproc::test;
using namespace zproc::test::remembering;

int changes(const changes_plan& plan)
{
    new (page) shared_page();
    changes_to_make = plan;
    return run_as_program(&measure_changes, 1800);
}

int touching(const touching_plan& plan)
{
    new (page) shared_page();
    touching_to_do = plan;
    return run_as_program(&measure_touching, 300);
}

/// One that grows must be noticed.
bool growth_is_noticed(unsigned seed)
{
    std::printf("memory: with ever new keys, and with everything\n");
    const bool first =
        changes({.seed = seed, .total = 40'000, .step = 10'000, .ever_new_keys = true}) == 1;
    const bool second = touching({.seed = seed, .processes = 2, .take_everything = true}) == 1;
    std::printf("memory: seed %u, growth %s noticed\n", seed, first && second ? "is" : "is NOT");
    return first && second;
}

} // namespace

int main(int argc, char** argv)
{
    sandbox::enter(argv);
    const auto given = stress_arguments::parse(argc, argv);
    page = static_cast<shared_page*>(map_shared(sizeof(shared_page)));
    bool well = growth_is_noticed(given.seed);

    changes_plan often{.seed = given.seed};
    if (!given.full)
        often.total = 300'000, often.step = 50'000;
    std::printf("memory: the state process\n");
    const int flat = changes(often);

    touching_plan two{.seed = given.seed};
    if (!given.full)
        two.processes = 10;
    std::printf("memory: processes that touch two keys\n");
    const int small = touching(two);

    if (measurable)
        well = well && flat == 0 && small == 0;
    else
        well = flat >= 0 && small >= 0;
    std::printf("memory: %s\n", well ? "all is well" : "FAILED");
    sandbox::leave();
    return well ? 0 : 1;
}
