// SPDX-License-Identifier: GPL-3.0-or-later
// Which column is meant by a setting.
#pragma once
#include "engine/data/table.h"

#include <string>

namespace engine {

/// The column that `name` names, by its name in the header or its 0-based number. `key` is the setting, for the Error(BadInput)
/// that names the columns there are.
int findColumn(const Table& table, const std::string& name, const std::string& key);

/// 'label', 'text' or, in a file without header, "0 to 3".
std::string namesOfColumns(const Table& table);

} // namespace engine
