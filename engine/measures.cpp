// SPDX-License-Identifier: GPL-3.0-or-later
// The list of measures. A new one is an entry here: with `compute`, or a metric, or a key that a job sets.
#include "engine/measures.h"

#include "engine/error.h"
#include "engine/words/numbers.h"

#include <algorithm>
#include <cmath>

namespace engine {
namespace {

Measure computed(const char* key, const char* title, const char* help, double (*compute)(const Report&)) {
    return {key, title, help, Unit::Share, Better::More, compute, {}, std::string("/") + key, {}, false};
}

Measure latest(const char* key, const char* title, const char* help, const char* metric) {
    return {key, title, help, Unit::Loss, Better::Less, nullptr, metric, std::string("/") + key, {}, false};
}

Measure told(const char* key, const char* title, const char* help, Unit unit, Better better, const char* place) {
    return {key, title, help, unit, better, nullptr, {}, place, {}, false};
}

Measure brief(Measure measure) {
    measure.brief = true;
    return measure;
}

Measure alias(const char* name, Measure measure) {
    measure.alias = name;
    return measure;
}

double macroF1(const Report& report) {
    double sum = 0;
    for (const LabelScore& score : report.per_label) sum += score.f1;
    return sum / static_cast<double>(report.per_label.size());
}

std::vector<Measure> makeMeasures() {
    return {
        brief(computed("accuracy", "Accuracy", "The share of the test rows that were guessed right",
                       [](const Report& report) { return report.accuracy; })),
        brief(alias("f1", computed("macro_f1", "Macro F1",
                                   "The mean of the labels' F1: a rare label counts as much as a frequent one", macroF1))),
        brief(latest("eval_loss", "Eval loss", "Cross entropy on the eval rows, at the last evaluation while training",
                     "eval_loss")),
        told("test_loss", "Test loss", "Cross entropy of the true answers on the test rows", Unit::Loss, Better::Less,
             "/test_loss"),
        alias("loss", latest("last_loss", "Loss", "Training loss of the last step", "loss")),
        told("seconds_load", "Loading time", "Seconds to load the model", Unit::Seconds, Better::Neither, "/seconds/load"),
        told("seconds_train", "Training time", "Seconds in training steps", Unit::Seconds, Better::Neither, "/seconds/train"),
        told("seconds_evaluate", "Evaluation time", "Seconds to evaluate the test rows", Unit::Seconds, Better::Neither,
             "/seconds/evaluate"),
        told("examples_per_second_train", "Training, examples/s", "Rows trained on a second", Unit::ExamplesPerSecond,
             Better::Neither, "/examples_per_second/train"),
        told("examples_per_second_evaluate", "Evaluation, examples/s", "Test rows evaluated a second", Unit::ExamplesPerSecond,
             Better::Neither, "/examples_per_second/evaluate"),
        told("peak_rss_bytes", "Peak memory", "The most memory that the program held", Unit::Bytes, Better::Neither,
             "/peak_rss_bytes"),
    };
}

} // namespace

const std::vector<Measure>& measures() {
    static const std::vector<Measure> list = makeMeasures();
    return list;
}

const Measure& measure(std::string_view key) {
    const auto found = std::find_if(measures().begin(), measures().end(), [&](const Measure& m) { return m.key == key; });
    if (found == measures().end()) throw Error(ErrorCode::Internal, "There is no measure \"" + std::string(key) + "\".");
    return *found;
}

std::optional<double> Measured::of(const Measure& measure) const {
    return m_values.empty() ? std::nullopt : m_values[static_cast<std::size_t>(&measure - measures().data())];
}

void Measured::set(const Measure& measure, std::optional<double> value) {
    if (m_values.empty() && !value) return;
    if (m_values.empty()) m_values.resize(measures().size());
    m_values[static_cast<std::size_t>(&measure - measures().data())] = value;
}

Measured measured(const Report& report) {
    Measured values;
    if (report.examples == 0) return values;
    for (const Measure& measure : measures())
        if (measure.compute) values.set(measure, measure.compute(report));
    return values;
}

std::vector<const Measure*> briefMeasures() {
    std::vector<const Measure*> brief;
    for (const Measure& measure : measures())
        if (measure.brief) brief.push_back(&measure);
    return brief;
}

std::string inSentence(const Measure& measure) {
    std::string text = measure.title;
    const auto isUpper = [&](std::size_t i) { return i < text.size() && text[i] >= 'A' && text[i] <= 'Z'; };
    if (isUpper(0) && !isUpper(1)) text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

std::string valueText(Unit unit, double value) {
    switch (unit) {
    case Unit::Share:
    case Unit::Loss: return numberText(value, 4);
    case Unit::Seconds: return secondsText(value);
    case Unit::ExamplesPerSecond: return numberText(value, 1);
    case Unit::Bytes: return bytesText(static_cast<std::int64_t>(value));
    }
    return {};
}

std::string briefText(const Measured& measured, const std::string& between) {
    std::string text;
    for (const Measure* measure : briefMeasures())
        if (const auto value = measured.of(*measure))
            text += (text.empty() ? "" : between) + inSentence(*measure) + " " + valueText(measure->unit, *value);
    return text;
}

std::string differenceText(Unit unit, double difference) {
    if (unit == Unit::Share) return (difference >= 0 ? "+" : "") + numberText(100 * difference, 1) + " points";
    return (difference < 0 ? "-" : "+") + valueText(unit, std::abs(difference));
}

} // namespace engine
