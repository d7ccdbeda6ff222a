// SPDX-License-Identifier: GPL-3.0-or-later
// What this process uses of the machine's memory, and how much there is.
#pragma once
#include <cstdint>

namespace engine {

/// Bytes resident now; 0 where the system does not say.
std::int64_t residentBytes();
/// The most that ever were.
std::int64_t peakResidentBytes();
/// The machine's own; 0 where the system does not say.
std::int64_t machineBytes();
/// Gives the system what this process has freed, to be called after much was. It goes on by itself, but only from the end of the
/// heap.
void giveBackFreedMemory();

} // namespace engine
