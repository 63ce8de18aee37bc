// What a stranger's first program needs: the headers are found, and the library is linked.

#include <zproc/error.hpp>

#include <cstdio>

int main()
{
    // Shadows and narrows on purpose: strangers may.
    const int ec = 1;
    {
        const zproc::error_code ec = zproc::errc::no_such_key;
        const char narrow = static_cast<int>(ec.message().size());
        if (narrow == 0)
            return 1;
    }
    std::puts("consumer: ok");
    return ec - 1;
}
