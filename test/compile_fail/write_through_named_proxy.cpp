// refused: (use of deleted function|overload resolution selected deleted operator|no viable|no match|discards qualifiers)
// The write would be to a copy, and lost.
#include <zproc/draft.hpp>

void change(zproc::draft& state)
{
#ifdef CONTROL
    state["n"] += 1;
#else
    auto n = state["n"];
    n += 1;
#endif
}
