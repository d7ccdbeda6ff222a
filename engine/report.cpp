// SPDX-License-Identifier: GPL-3.0-or-later
// Precision, recall, F1 and the text of scikit-learn's classification_report.
#include "engine/report.h"

#include "engine/error.h"
#include "engine/words/utf8.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace engine {
namespace {

double ratio(std::int64_t part, std::int64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void requireLabel(int label, const std::vector<std::string>& labels, const char* what, std::int64_t record) {
    if (label >= 0 && static_cast<std::size_t>(label) < labels.size()) return;
    throw Error(ErrorCode::BadInput,
                std::string("The ") + what + " of record " + std::to_string(record) + " is label number " +
                    std::to_string(label) + ", but there are " + std::to_string(labels.size()) + " labels.",
                "Score predictions with the labels they were made with.");
}

std::string alignedRight(const std::string& text, std::size_t width) {
    const std::size_t length = characterCount(text);
    return (length < width ? std::string(width - length, ' ') : std::string()) + text;
}

std::string fixed(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.2f", value);
    return text.data();
}

std::string row(const std::string& heading, std::size_t width, const std::array<std::string, 4>& cells) {
    std::string line = alignedRight(heading, width) + " ";
    for (const std::string& cell : cells) line += " " + alignedRight(cell, 9);
    return line + "\n";
}

} // namespace

Report score(const std::vector<Prediction>& predictions, const std::vector<std::string>& labels) {
    const std::size_t n = labels.size();
    ConfusionMatrix confusion{labels, {n, std::vector<std::int64_t>(n + 1, 0)}};
    for (const Prediction& prediction : predictions) {
        requireLabel(prediction.truth, labels, "truth", prediction.record);
        if (prediction.guess) requireLabel(*prediction.guess, labels, "guess", prediction.record);
        const std::size_t column = prediction.guess ? static_cast<std::size_t>(*prediction.guess) : n;
        ++confusion.counts[static_cast<std::size_t>(prediction.truth)][column];
    }
    return score(std::move(confusion));
}

Report score(ConfusionMatrix confusion) {
    Report report;
    report.confusion = std::move(confusion);
    const auto& counts = report.confusion.counts;
    std::int64_t right = 0;
    for (std::size_t label = 0; label < counts.size(); ++label) {
        const std::int64_t hits = counts[label][label];
        std::int64_t guessed = 0, support = 0;
        for (const auto& row : counts) guessed += row[label];
        for (std::int64_t count : counts[label]) support += count;
        right += hits;
        report.examples += support;
        LabelScore scores;
        scores.support = support;
        scores.precision = ratio(hits, guessed);
        scores.recall = ratio(hits, support);
        scores.f1 = ratio(2 * hits, support + guessed);
        scores.accuracy = scores.recall;
        report.per_label.push_back(scores);
    }
    report.accuracy = ratio(right, report.examples);
    return report;
}

std::string classificationReport(const Report& report) {
    const std::vector<std::string>& labels = report.confusion.labels;
    std::size_t width = std::string_view("weighted avg").size();
    for (const std::string& label : labels) width = std::max(width, characterCount(label));

    const std::string examples = std::to_string(report.examples);
    LabelScore macro, weighted;
    std::string text = row("", width, {"precision", "recall", "f1-score", "support"}) + "\n";
    for (std::size_t label = 0; label < report.per_label.size(); ++label) {
        const LabelScore& s = report.per_label[label];
        const auto weight = static_cast<double>(s.support);
        text += row(labels[label], width, {fixed(s.precision), fixed(s.recall), fixed(s.f1), std::to_string(s.support)});
        macro.precision += s.precision;
        macro.recall += s.recall;
        macro.f1 += s.f1;
        weighted.precision += s.precision * weight;
        weighted.recall += s.recall * weight;
        weighted.f1 += s.f1 * weight;
    }
    const auto average = [&](const char* heading, const LabelScore& sum, double divisor) {
        const double d = divisor > 0 ? divisor : 1;
        return row(heading, width, {fixed(sum.precision / d), fixed(sum.recall / d), fixed(sum.f1 / d), examples});
    };
    text += "\n" + row("accuracy", width, {"", "", fixed(report.accuracy), examples});
    text += average("macro avg", macro, static_cast<double>(report.per_label.size()));
    text += average("weighted avg", weighted, static_cast<double>(report.examples));
    return text;
}

} // namespace engine
