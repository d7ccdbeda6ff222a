// SPDX-License-Identifier: GPL-3.0-or-later
// Looks in $PHIBENCH_DEPS, else where this build's dependencies lie.
#include "engine/data/default_data.h"

#include <cstdlib>

namespace engine {

std::filesystem::path defaultDataFile() {
    const char* chosen = std::getenv("PHIBENCH_DEPS");
    const auto file = std::filesystem::path(chosen && *chosen ? chosen : PHIBENCH_DEPS) / "data" / "opinion-sentiment.csv";
    std::error_code error;
    return std::filesystem::is_regular_file(file, error) ? file : std::filesystem::path();
}

} // namespace engine
