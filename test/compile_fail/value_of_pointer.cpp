// refused: (no matching function|no matching constructor|could not convert|no viable|conversion from)
// Or a pointer would become a bool.
#include <zproc/value.hpp>

int main()
{
    int number = 1;
#ifdef CONTROL
    zproc::value v = number;
#else
    zproc::value v = &number;
#endif
    return v.get<int>();
}
