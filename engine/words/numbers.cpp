// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/words/numbers.h"

#include <array>
#include <charconv>
#include <cmath>
#include <fmt/core.h>
#include <system_error>

namespace engine {
namespace {

// "2 min 5 s", "2 min"
std::string pairText(long long big, const char* bigUnit, long long small, const char* smallUnit) {
    return small == 0 ? fmt::format("{} {}", big, bigUnit) : fmt::format("{} {} {} {}", big, bigUnit, small, smallUnit);
}

} // namespace

std::string numberText(double value, int digits) {
    return fmt::format("{:.{}f}", value, digits);
}

std::string counted(std::int64_t n, std::string_view one) {
    return fmt::format("{} {}{}", n, one, n == 1 ? "" : "s");
}

std::string secondsText(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0) return "–";
    if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
    if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
    const long long whole = std::llround(seconds);
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600) return pairText(whole / 60, "min", whole % 60, "s");
    if (whole < 86400) return pairText(whole / 3600, "h", whole % 3600 / 60, "min");
    return pairText(whole / 86400, "d", whole % 86400 / 3600, "h");
}

std::string bytesText(std::int64_t bytes, int digits) {
    static constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB"};
    constexpr std::size_t kGigabytes = 3;
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; std::abs(value) >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
    return fmt::format("{:.{}f} {}", value, unit >= kGigabytes && std::abs(value) < 99.5 ? digits : 0, kUnits[unit]);
}

bool isNumber(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" +");
    if (first == std::string_view::npos) return false;
    text = text.substr(first, text.find_last_not_of(" %") + 1 - first);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

} // namespace engine
