// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/memory.h"

#include <fstream>
#include <malloc.h>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace engine {

namespace {

/// A "Name:   123 kB" line of /proc/self/status, in bytes.
std::int64_t statusBytes(const std::string& name) {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(name)) return std::strtoll(line.c_str() + name.size(), nullptr, 10) * 1024;
    return 0;
}

} // namespace

std::int64_t residentBytes() {
    return statusBytes("VmRSS:");
}

std::int64_t peakResidentBytes() {
    if (const std::int64_t peak = statusBytes("VmHWM:"); peak > 0) return peak;
    rusage usage{};
    return getrusage(RUSAGE_SELF, &usage) == 0 ? static_cast<std::int64_t>(usage.ru_maxrss) * 1024 : 0;
}

std::int64_t machineBytes() {
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? std::int64_t{pages} * size : 0;
}

void giveBackFreedMemory() {
#if defined(__GLIBC__)
    ::malloc_trim(0);
#endif
}

} // namespace engine
