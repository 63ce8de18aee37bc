// refused: (no matching function|no matching constructor|could not convert|no viable|conversion from)
// A char is neither a number nor a text: `value v = 'x'` says which only by accident.
#include <zproc/value.hpp>

int main()
{
#ifdef CONTROL
    zproc::value v = "x";
#else
    zproc::value v = 'x';
#endif
    return static_cast<int>(v.size());
}
