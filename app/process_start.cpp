// SPDX-License-Identifier: GPL-3.0-or-later
// What must be settled before libtorch and its OpenMP start. Compiled into each program that computes.
#include <climits>
#include <cstdlib>
#include <unistd.h>

namespace {

/// OpenMP's threads spin for long while they wait, unless told otherwise before the program starts. On a machine that does other things as
/// well a spinning thread takes the core that the awaited one needs (measured with two cores and four compilers beside: 25 times slower);
/// one that sleeps at once wakes late (a quarter of a small model's time for a token). So the program starts itself anew with about 10 µs
/// of spinning, unless the person has chosen. A program's .preinit_array runs before the constructors of its libraries, so that this costs
/// 9 ms; to set the variable there is not enough, as libc then starts with the old ones.
void startAnew(int, char** argv, char** environment) {
    ::environ = environment;
    if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return;
    ::setenv("GOMP_SPINCOUNT", "1000", 1);
    char self[PATH_MAX + 1] = {}; // by its own path, so that it keeps its name among the processes
    if (::readlink("/proc/self/exe", self, PATH_MAX) > 0) ::execv(self, argv); // where this fails, the program goes on as it is
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const kFirst)(int, char**, char**) = startAnew;

} // namespace
