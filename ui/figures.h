// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers as the window writes them: thousands separators, a true minus, no break between a number and its unit.
#pragma once
#include <QString>
#include <cstdint>
#include <optional>

namespace ui {

QString count(std::int64_t n);                                           // "12,345"
QString shortCount(std::int64_t n);                                      // "134.5 M", "4.88 M", "9,216"
QString plural(std::int64_t n, const QString& one, const QString& many); // "1 row", "4,846 rows"
QString signedCount(std::int64_t n);                                     // "+12", "−3", "0"
QString percent(double share, int decimals = 1);                         // 0.337: "33.7 %"
QString signedPoints(double share, int decimals = 1);                    // 0.523: "+52.3", in percentage points
QString figure(double value, int significant = 4);                       // "0.3521", "12,345", "2e-4"
QString signedFigure(double value, int significant = 3);
QString duration(double seconds);        // "850 ms", "9.3 s", "2 min 5 s", "1 h 3 min"
QString byteSize(std::int64_t bytes);    // "612 MB", "1.2 GB"
QString moment(double secondsSince1970); // "14:05" today, "12 Mar 14:05" this year, else "12 Mar 2024"
QString orDash(const std::optional<double>& value, QString (*write)(double));

} // namespace ui
