// SPDX-License-Identifier: GPL-3.0-or-later
// What the engine runs on.
#pragma once
#include <string>

namespace engine {

/// One thread a physical core where the machine has many: two on one core contend for its multipliers. OMP_NUM_THREADS overrides.
void useSensibleThreads();
/// JSON of the versions of Phibench and libtorch, the CPU's features, the threads and what computed, for the record.
std::string versionsJson(const std::string& device);

} // namespace engine
