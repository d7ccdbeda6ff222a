// SPDX-License-Identifier: GPL-3.0-or-later
// What must be settled before libtorch and its OpenMP start. Compiled into each program that computes.
#include <climits>
#include <cstdlib>
#include <unistd.h>

namespace {

struct Setting {
    const char *name, *value, *instead; // `instead`: another way to say it
};
constexpr Setting kSettings[] = {
    // OpenMP's threads spin for long while they wait, unless told otherwise. On a machine that does other things as well a
    // spinning thread
    // takes the core that the awaited one needs (measured with two cores and four compilers beside: 25 times slower); one that
    // sleeps at
    // once wakes late (a quarter of a small model's time for a token). This is about 10 µs.
    {"GOMP_SPINCOUNT", "1000", "OMP_WAIT_POLICY"},
    // oneDNN keeps the code it made for 1024 shapes: 80 MB more than this in a training, and no faster.
    {"ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"},
};

/// The libraries read these before main, so the program starts itself anew with what the person has not chosen. A program's
/// .preinit_array runs before the constructors of its libraries, so that this costs 9 ms; to set the variables there is not
/// enough, as libc then starts with the old ones.
void startAnew(int, char** argv, char** environment) {
    ::environ = environment;
    bool changed = false;
    for (const Setting& setting : kSettings)
        if (!std::getenv(setting.name) && !std::getenv(setting.instead))
            changed = ::setenv(setting.name, setting.value, 1) == 0 || changed;
    char self[PATH_MAX + 1] = {}; // by its own path, so that it keeps its name among the processes
    if (changed && ::readlink("/proc/self/exe", self, PATH_MAX) > 0)
        ::execv(self, argv); // where this fails, the program goes on as it is
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const kFirst)(int, char**, char**) = startAnew;

} // namespace
