// Strangers at the door of a server that listens on TCP, in crowds, with every bad manner that there
// is: none comes in, and those who are in work on as if nobody else were there.
//
//     hostile_peers [--full] [--seed S]

#include "stress/hostile_peers/parts.hpp"
#include "support/rounds.hpp"
#include "support/sandbox.hpp"
#include "support/shared_memory.hpp"

#include <cstdio>
#include <new>

namespace {

using namespace zproc::test;
using namespace zproc::test::hostile;

int suffer(const plan& what)
{
    new (page) shared_page();
    to_do = what;
    return run_as_program(&measure, 1800);
}

} // namespace

int main(int argc, char** argv)
{
    sandbox::enter(argv);
    const auto given = stress_arguments::parse(argc, argv);
    page = static_cast<shared_page*>(map_shared(sizeof(shared_page)));
    std::printf("hostile_peers: one who does come in\n");
    const bool noticed =
        suffer({.seed = given.seed, .first = kind::insider, .last = kind::insider}) ==
        stranger_came_in;
    std::printf("hostile_peers: seed %u, who comes in %s noticed\n", given.seed,
                noticed ? "is" : "is NOT");
    const bool well = suffer({.seed = given.seed, .full = given.full}) == 0 && noticed;
    std::printf("hostile_peers: %s\n", well ? "all is well" : "FAILED");
    sandbox::leave();
    return well ? 0 : 1;
}
