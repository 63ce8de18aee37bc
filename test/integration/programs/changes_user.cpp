// Made a setuid program by a test: becomes root's, so that who started it may not kill it.

#include <signal.h>
#include <unistd.h>

int main()
{
    ::signal(SIGTERM, SIG_IGN);
    if (::setresuid(0, 0, 0) != 0 || ::write(1, "!", 1) != 1)
        return 1;
    for (;;)
        ::pause();
}
