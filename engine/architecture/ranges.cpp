// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/ranges.h"

#include <fmt/core.h>

namespace engine {

std::string toString(const NumberRange& range) {
    return range.open ? fmt::format("above {} and up to {}", range.least, range.most)
                      : fmt::format("from {} to {}", range.least, range.most);
}

} // namespace engine
