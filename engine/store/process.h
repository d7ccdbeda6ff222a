// SPDX-License-Identifier: GPL-3.0-or-later
// Who runs a run: a process told apart from a later one that was given the same number.
#pragma once
#include <cstdint>
#include <string>

namespace engine {

struct ProcessId {
    std::int64_t pid = 0;
    std::string start; // clock ticks from boot to its start (/proc/PID/stat, field 22)
    std::string boot;  // this boot of the machine and the process's namespace of numbers
    std::string host;
    bool operator==(const ProcessId&) const = default;
};

enum class Liveness {
    Alive,
    Gone,   // ended, or the machine has booted since
    Unknown // on another machine, or in a container whose processes cannot be seen from here
};

ProcessId currentProcess();
Liveness liveness(const ProcessId& process);

} // namespace engine
