// SPDX-License-Identifier: GPL-3.0-or-later
// Rows with a label and a text become examples; the others, and what looks like a mistake, are reported.
#include "engine/data/dataset.h"

#include "engine/data/columns.h"
#include "engine/data/issue_list.h"
#include "engine/data/labelled_rows.h"
#include "engine/data/table.h"
#include "engine/words/numbers.h"
#include "engine/words/quoting.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <set>
#include <unicode/unistr.h>

namespace engine {
namespace {

constexpr std::size_t kMostLabels = 1000;

std::string rows(std::int64_t count) {
    return counted(count, "row");
}
std::string have(std::int64_t count) {
    return count == 1 ? " has" : " have";
}
std::string repeat(std::int64_t count) {
    return rows(count) + (count == 1 ? " repeats" : " repeat");
}
std::string leftOut(std::int64_t count) {
    return count == 1 ? " and was left out" : " and were left out";
}

// What two spellings of one label have in common: neither case nor blanks around.
std::string folded(const std::string& label) {
    std::string text;
    icu::UnicodeString::fromUTF8(label).trim().foldCase().toUTF8String(text);
    return text;
}

LabelCounts countsOf(const LabelledRows& rows) {
    LabelCounts counts;
    for (const auto& [label, value] : rows.values) counts.emplace_back(label, value.rows);
    return counts;
}

class DatasetMaker {
public:
    DatasetMaker(const Table& table, const DataSpec& spec) : m_table(table), m_spec(spec), m_issues(table.path.string()) {}

    Dataset make(bool wantsExamples, LabelCounts* counts = nullptr) {
        chooseColumns();
        checkLabels();
        m_rows = readLabelledRows(m_table, static_cast<std::size_t>(m_dataset.labelColumn),
                                  static_cast<std::size_t>(m_dataset.textColumn), m_spec.labels, wantsExamples);
        if (counts) *counts = countsOf(m_rows);
        chooseLabels();
        refuseUnusable();
        reportLabels();
        reportRepeats();
        m_issues.moveTo(m_dataset.issues);
        m_dataset.examples = std::move(m_rows.examples);
        return std::move(m_dataset);
    }

private:
    std::string file() const { return m_table.path.string(); }

    int column(const std::string& name, int guessed, const char* key, const char* what) const {
        if (name != "auto") return findColumn(m_table, name, key);
        if (guessed >= 0) return guessed;
        throw Error(ErrorCode::BadInput, fmt::format("Which column of {} holds the {} cannot be told.", file(), what),
                    fmt::format("Set {} to one of its columns: {}.", key, namesOfColumns(m_table)));
    }

    void chooseColumns() {
        const bool told = m_spec.label != "auto" && m_spec.text != "auto";
        ColumnGuess guess = told ? ColumnGuess{} : guessColumns(m_table);
        if (m_table.header.size() == 2 && !told) { // the one that is told leaves the other
            if (m_spec.label != "auto") guess.text = 1 - findColumn(m_table, m_spec.label, "data.label");
            if (m_spec.text != "auto") guess.label = 1 - findColumn(m_table, m_spec.text, "data.text");
        }
        m_dataset.labelColumn = column(m_spec.label, guess.label, "data.label", "labels");
        m_dataset.textColumn = column(m_spec.text, guess.text, "data.text", "texts");
        if (m_dataset.labelColumn != m_dataset.textColumn) return;
        throw Error(ErrorCode::BadInput,
                    fmt::format("data.label and data.text are both column {} of {}.", m_dataset.labelColumn, file()),
                    fmt::format("Choose two of its columns: {}.", namesOfColumns(m_table)));
    }

    void checkLabels() const {
        std::set<std::string_view> seen;
        for (const std::string& label : m_spec.labels) {
            if (!seen.insert(label).second)
                throw Error(ErrorCode::BadInput, fmt::format("data.labels has {} twice.", inQuotes(label)),
                            "Name each label once.");
        }
    }

    void chooseLabels() {
        std::size_t used = 0;
        for (const auto& [label, value] : m_rows.values) used += value.usable.count > 0;
        if (m_spec.labels.empty() && used > kMostLabels) {
            throw Error(ErrorCode::BadInput,
                        fmt::format("Column {} of {} has {} different values; there may be {} labels.", m_dataset.labelColumn,
                                    file(), used, kMostLabels),
                        fmt::format("Set data.label to the column of the labels: {}.", namesOfColumns(m_table)));
        }
        m_dataset.labels = m_spec.labels;
        if (m_spec.labels.empty()) {
            for (const auto& [label, value] : m_rows.values) {
                if (value.usable.count > 0) m_dataset.labels.push_back(label);
            }
        }
        m_dataset.counts.assign(m_dataset.labels.size(), 0);
        for (const LabelledRow& row : m_rows.rows) ++m_dataset.counts[static_cast<std::size_t>(row.label)];
    }

    // Rows that have this label and a text.
    FoundRows usable(const std::string& label) const {
        const auto found = m_rows.values.find(label);
        return found == m_rows.values.end() ? FoundRows{} : found->second.usable;
    }

    /// Of how many, in parentheses: "5", or "8 records; 3 were left out, the first on line 7: 3 fields instead of 2".
    std::string ofAll() const {
        if (m_table.leftOutLine == 0) return std::to_string(m_table.rowCount);
        const std::int64_t count = m_table.recordCount - static_cast<std::int64_t>(m_table.rowCount);
        return fmt::format("{}; {} left out, the first on line {}: {}", counted(m_table.recordCount, "record"),
                           count == 1 ? "1 was" : fmt::format("{} were", count), m_table.leftOutLine, m_table.leftOutWhy);
    }

    void refuseUnusable() const {
        if (m_rows.rows.empty()) {
            FoundRows others;
            const std::string* first = nullptr;
            for (const auto& [label, value] : m_rows.values) {
                if (value.usable.count == 0) continue;
                if (!first || value.usable.line < others.line) first = &label;
                others.add(value.usable);
            }
            throw Error(
                ErrorCode::BadInput,
                fmt::format(
                    "No row of {} can be used (0 of {}): blank labels {}, blank texts {}, labels that are not in data.labels "
                    "{}{}.",
                    file(), ofAll(), m_rows.blankLabels.count, m_rows.blankTexts.count, others.count,
                    first ? fmt::format(" (the first is {})", inQuotes(*first)) : ""),
                "Check data.label, data.text and data.labels.");
        }
        const auto used =
            std::count_if(m_dataset.counts.begin(), m_dataset.counts.end(), [](std::int64_t count) { return count > 0; });
        if (used > 1) return;
        const auto only = static_cast<std::size_t>(m_rows.rows[0].label);
        throw Error(ErrorCode::BadInput,
                    fmt::format("Every row of {} that can be used ({} of {}) has the label {}; telling labels apart takes two.",
                                file(), m_dataset.counts[only], ofAll(), inQuotes(m_dataset.labels[only])),
                    m_table.leftOutLine == 0 ? "Check data.label and data.labels."
                                             : "Check data.label, data.labels and the records that were left out.");
    }

    void reportLabels() {
        if (const auto& [count, line] = m_rows.blankTexts; count > 0)
            m_issues.add(Severity::Warning, line, "", [&] {
                return fmt::format("{}{} a blank text{}; this is the first.", rows(count), have(count), leftOut(count));
            });
        if (const auto& [count, line] = m_rows.blankLabels; count > 0)
            m_issues.add(Severity::Warning, line, "", [&] {
                return fmt::format("{}{} a blank label{}; this is the first.", rows(count), have(count), leftOut(count));
            });

        std::map<std::string, std::string> spellings; // folded → a label
        for (const std::string& label : m_dataset.labels) {
            const auto [other, fresh] = spellings.emplace(folded(label), label);
            if (!fresh) {
                m_issues.add(Severity::Warning, usable(label).line, "labels differ from another only by case or blanks", [&] {
                    return fmt::format("The labels {} and {} differ only by case or blanks around them. Are they one?",
                                       inQuotes(other->second), inQuotes(label));
                });
            }
            if (usable(label).count == 0)
                m_issues.add(Severity::Warning, 0, "labels have no row",
                             [&] { return fmt::format("No row has the label {} of data.labels.", inQuotes(label)); });
        }
        for (const auto& [label, value] : m_rows.values) {
            if (value.number >= 0 || value.usable.count == 0) continue;
            m_issues.add(
                Severity::Warning, value.usable.line, "labels are not in data.labels", [&, &name = label, &where = value.usable] {
                    const auto meant = spellings.find(folded(name));
                    const std::string differs =
                        meant == spellings.end()
                            ? std::string()
                            : fmt::format(" It differs from {} only by case or blanks around it.", inQuotes(meant->second));
                    return fmt::format("{}{} the label {}, which is not in data.labels,{}; this is the first.{}",
                                       rows(where.count), have(where.count), inQuotes(name), leftOut(where.count), differs);
                });
        }
    }

    void reportRepeats() {
        const auto [same, torn] = findRepeats(m_rows.rows);
        if (same.count > 0) {
            m_issues.add(Severity::Warning, lineOf(same.later), "", [&, &same = same] {
                return fmt::format("{} the text and label of an earlier row; this is the first, it repeats line {}. One may be "
                                   "trained on and the other tested.",
                                   repeat(same.count), lineOf(same.earlier));
            });
        }
        if (torn.count > 0) {
            m_issues.add(Severity::Warning, lineOf(torn.later), "", [&, &torn = torn] {
                return fmt::format("{} an earlier text under another label; this is the first: {}, but {} on line {}.",
                                   repeat(torn.count), inQuotes(labelOf(torn.later)), inQuotes(labelOf(torn.earlier)),
                                   lineOf(torn.earlier));
            });
        }
    }

    const std::string& labelOf(const LabelledRow& row) const { return m_dataset.labels[static_cast<std::size_t>(row.label)]; }
    std::int64_t lineOf(const LabelledRow& row) const {
        const std::unique_ptr<Rows> rows = m_table.rows();
        rows->seek(row.row);
        return rows->line();
    }

    const Table& m_table;
    const DataSpec& m_spec;
    IssueList m_issues;
    Dataset m_dataset;
    LabelledRows m_rows;
};

} // namespace

TableOptions tableOptions(const DataSpec& spec) {
    return {.header = spec.header, .encoding = spec.encoding, .delimiter = spec.delimiter};
}

Dataset makeDataset(const Table& table, const DataSpec& spec) {
    return DatasetMaker(table, spec).make(true);
}

LabelCounts countValues(const Table& table, std::size_t column) {
    return countsOf(readLabelledRows(table, column, column, {}, false));
}

std::vector<Issue> checkDataset(const Table& table, const DataSpec& spec, LabelCounts& counts) {
    return DatasetMaker(table, spec).make(false, &counts).issues;
}

} // namespace engine
