// refused: (name it first|CONTROL only)
// g++ 12 would destroy it twice inside co_await; other compilers take it.
#include <zproc/detail/temporary.hpp>

#include <string>

struct job {
    std::string name;
};

template <class T>
void take(T&&)
{
    ZPROC_CHECK_TEMPORARY(T);
}

#if !defined(CONTROL) && (defined(__clang__) || __GNUC__ > 12)
#error CONTROL only: nothing to refuse here
#endif

int main()
{
#ifdef CONTROL
    job named{"x"};
    take(named);
#else
    take(job{"x"});
#endif
}
