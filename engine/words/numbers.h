// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers as people write and read them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

/// With so many digits behind the point: "0.85".
std::string numberText(double value, int digits);
/// "1 row", "12 rows"
std::string counted(std::int64_t n, std::string_view one);
/// "850 ms", "9.3 s", "2 min 5 s", "1 h 3 min"; "–" for what is no duration.
std::string secondsText(double seconds);
/// "612 MB", "1.25 GB": powers of 1000, gigabytes with so many digits behind the point.
std::string bytesText(std::int64_t bytes, int digits = 2);

/// "12", "-3.5e2", " 40 %": a number and nothing else.
bool isNumber(std::string_view text);

} // namespace engine
