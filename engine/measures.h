// SPDX-License-Identifier: GPL-3.0-or-later
// What a run is measured by, as one visited list: store, command line, tables, filters and exports read it.
#pragma once
#include "engine/report.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

enum class Better { Neither, More, Less };
/// What a measure's values are, and so how they and their differences are written.
enum class Unit { Share, Loss, Seconds, ExamplesPerSecond, Bytes };

struct Measure {
    std::string key;   // "macro_f1": in the runs file, in JSON and in filters
    std::string title; // "Macro F1"
    std::string help;  // one line
    Unit unit = Unit::Share;
    Better better = Better::Neither;
    double (*compute)(const Report&) = nullptr; // none: training or evaluation tells it
    std::string metric;                         // its latest value while training is the run's; empty: none
    std::string place;                          // in a command's JSON, as a JSON pointer: "/seconds/load"
    std::string alias;                          // another name in filters; may be empty
    bool brief = false;                         // shown where there is room for few
};

/// All of them, in the order in which they are shown.
const std::vector<Measure>& measures();
/// Those that are shown where there is room for few.
std::vector<const Measure*> briefMeasures();
/// The one with this key. Throws Error(Internal) when there is none.
const Measure& measure(std::string_view key);

/// Values of measures; one that is not known is absent.
class Measured {
public:
    std::optional<double> of(const Measure& measure) const;
    /// Throws Error(Internal) for a key of no measure.
    std::optional<double> operator[](std::string_view key) const { return of(measure(key)); }
    void set(const Measure& measure, std::optional<double> value);
    void set(std::string_view key, std::optional<double> value) { set(measure(key), value); }
    bool operator==(const Measured&) const = default;

private:
    std::vector<std::optional<double>> m_values; // as measures(), or none at all
};

/// What is computed from a report; nothing of one without examples.
Measured measured(const Report& report);

/// The title within a sentence: "macro F1".
std::string inSentence(const Measure& measure);
/// "0.8450", "2 min 5 s", "612 MB".
std::string valueText(Unit unit, double value);
/// "accuracy 0.8450   macro F1 0.8441": the brief ones of those that are known.
std::string briefText(const Measured& measured, const std::string& between);
/// "+12.3 points", "-0.0210".
std::string differenceText(Unit unit, double difference);

} // namespace engine
