// SPDX-License-Identifier: GPL-3.0-or-later
// One value of a YAML text is set, and all else stays as somebody wrote it: comments, order, spelling, line ends.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace engine {

/// `yaml` with the value at `path` ({"lora", "r"}) spelled as `value`, one line in YAML's flow style; maps and keys that are
/// missing are added at the end of theirs. None where the text is laid out in a way that is not understood. Whoever calls reads
/// the result again and compares.
std::optional<std::string> withYamlValue(const std::string& yaml, const std::vector<std::string>& path, const std::string& value);

} // namespace engine
