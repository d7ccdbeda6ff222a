// SPDX-License-Identifier: GPL-3.0-or-later
// Rows with a label and a text become examples; the others, and what looks like a mistake, are reported.
#include "engine/data/dataset.h"

#include "engine/data/columns.h"
#include "engine/data/csv_rows.h"
#include "engine/data/issue_list.h"

#include <algorithm>
#include <map>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

namespace engine {
namespace {

constexpr std::size_t kMostLabels = 1000;

std::string rows(std::int64_t count) { return std::to_string(count) + (count == 1 ? " row" : " rows"); }
std::string have(std::int64_t count) { return count == 1 ? " has" : " have"; }
std::string leftOut(std::int64_t count) { return count == 1 ? " and was left out" : " and were left out"; }

bool isBlank(std::string_view text) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return true;
    const auto size = static_cast<std::int32_t>(std::min<std::size_t>(text.size(), std::numeric_limits<std::int32_t>::max()));
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    for (std::int32_t at = 0; at < size;) {
        UChar32 character = 0;
        U8_NEXT(bytes, at, size, character);
        if (!u_isUWhiteSpace(character) && character != 0xFEFF && character != 0x200B) return false;
    }
    return true;
}

// What two spellings of one label have in common: neither case nor blanks around.
std::string folded(const std::string& label) {
    std::string text;
    icu::UnicodeString::fromUTF8(label).trim().foldCase().toUTF8String(text);
    return text;
}

struct Found { std::int64_t count = 0, line = 0; };
using Counts = std::map<std::string, Found, std::less<>>;

void note(Found& found, std::int64_t line) {
    if (found.count++ == 0) found.line = line;
}

class DatasetMaker {
public:
    DatasetMaker(const CsvTable& table, const DataSpec& spec) : m_table(table), m_spec(spec), m_issues(table.path.string()) {}

    Dataset make() {
        chooseColumns();
        if (!m_spec.labels.empty()) takeLabels(m_spec.labels);
        readRows();
        if (m_spec.labels.empty()) sortLabels();
        refuseUnusable();
        reportLabels();
        reportRepeats();
        m_issues.moveTo(m_dataset.issues);
        return std::move(m_dataset);
    }

private:
    std::string file() const { return m_table.path.string(); }

    int column(const std::string& name, int guessed, const char* key, const char* what) const {
        if (name != "auto") return findColumn(m_table, name, key);
        if (guessed >= 0) return guessed;
        throw Error(ErrorCode::BadInput, std::string("Which column of ") + file() + " holds the " + what + " cannot be told.",
                    std::string("Set ") + key + " to one of its columns: " + namesOfColumns(m_table) + ".");
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
        throw Error(ErrorCode::BadInput, "data.label and data.text are both column " + std::to_string(m_dataset.labelColumn) + " of " + file() + ".",
                    "Choose two of its columns: " + namesOfColumns(m_table) + ".");
    }

    void takeLabels(const std::vector<std::string>& labels) {
        m_dataset.labels = labels;
        for (std::size_t i = 0; i < labels.size(); ++i) {
            if (m_numbers.emplace(labels[i], static_cast<int>(i)).second) continue;
            throw Error(ErrorCode::BadInput, "data.labels has " + inQuotes(labels[i]) + " twice.", "Name each label once.");
        }
        m_dataset.counts.assign(labels.size(), 0);
    }

    void readRows() {
        const auto labels = static_cast<std::size_t>(m_dataset.labelColumn), texts = static_cast<std::size_t>(m_dataset.textColumn);
        for (CsvRows row(m_table); row.next();) {
            const std::string_view label = row.field(labels), text = row.field(texts);
            const bool blankText = isBlank(text);
            if (isBlank(label)) note(m_blankLabels, row.line());
            else if (blankText) note(m_blankTexts, row.line());
            else note(countOf(label), row.line());
            if (const auto number = m_numbers.find(label); number != m_numbers.end() && !blankText) {
                m_dataset.examples.push_back({row.record(), std::string(text), number->second});
                m_lines.push_back(row.line());
                ++m_dataset.counts[static_cast<std::size_t>(number->second)];
            }
        }
    }

    Found& countOf(std::string_view label) {
        const auto found = m_counts.find(label);
        if (found != m_counts.end()) return found->second;
        if (m_spec.labels.empty() && m_counts.size() < kMostLabels) { // numbered as they come, for now
            m_numbers.emplace(label, static_cast<int>(m_dataset.counts.size()));
            m_dataset.counts.push_back(0);
        }
        return m_counts.emplace(label, Found{}).first->second;
    }

    void sortLabels() {
        if (m_counts.size() > kMostLabels) {
            throw Error(ErrorCode::BadInput, "Column " + std::to_string(m_dataset.labelColumn) + " of " + file() + " has " + std::to_string(m_counts.size()) +
                                                 " different values; there may be " + std::to_string(kMostLabels) + " labels.",
                        "Set data.label to the column of the labels: " + namesOfColumns(m_table) + ".");
        }
        std::vector<int> numbers(m_counts.size()); // by those they had
        std::vector<std::int64_t> counts(m_counts.size());
        for (auto& [label, number] : m_numbers) {
            const std::size_t before = static_cast<std::size_t>(number);
            number = numbers[before] = static_cast<int>(m_dataset.labels.size());
            counts[m_dataset.labels.size()] = m_dataset.counts[before];
            m_dataset.labels.push_back(label);
        }
        m_dataset.counts = std::move(counts);
        for (Example& example : m_dataset.examples) example.label = numbers[static_cast<std::size_t>(example.label)];
    }

    void refuseUnusable() const {
        if (m_dataset.examples.empty()) {
            std::int64_t others = 0;
            for (const auto& [label, found] : m_counts) others += found.count;
            throw Error(ErrorCode::BadInput, "No row of " + file() + " can be used: blank labels " + std::to_string(m_blankLabels.count) + ", blank texts " +
                                                 std::to_string(m_blankTexts.count) + ", labels that are not in data.labels " + std::to_string(others) +
                                                 (m_counts.empty() ? "." : " (the first is " + inQuotes(labelOfFirst()) + ")."),
                        "Check data.label, data.text and data.labels.");
        }
        const auto used = std::count_if(m_dataset.counts.begin(), m_dataset.counts.end(), [](std::int64_t count) { return count > 0; });
        if (used > 1) return;
        const auto only = static_cast<std::size_t>(m_dataset.examples[0].label);
        throw Error(ErrorCode::BadInput, "Every row of " + file() + " that can be used (" + std::to_string(m_dataset.counts[only]) + " of " +
                                             std::to_string(m_table.rowCount) + ") has the label " + inQuotes(m_dataset.labels[only]) +
                                             "; telling labels apart takes two.", "Check data.label and data.labels.");
    }

    std::string_view labelOfFirst() const {
        return std::min_element(m_counts.begin(), m_counts.end(), [](const auto& a, const auto& b) { return a.second.line < b.second.line; })->first;
    }

    void reportLabels() {
        if (const auto& [count, line] = m_blankTexts; count > 0)
            m_issues.add(Severity::Warning, line, "", [&] { return rows(count) + have(count) + " a blank text" + leftOut(count) + "; this is the first."; });
        if (const auto& [count, line] = m_blankLabels; count > 0)
            m_issues.add(Severity::Warning, line, "", [&] { return rows(count) + have(count) + " a blank label" + leftOut(count) + "; this is the first."; });

        std::map<std::string, std::string> spellings; // folded → a label
        for (const std::string& label : m_dataset.labels) {
            const auto [other, fresh] = spellings.emplace(folded(label), label);
            if (!fresh) {
                const auto found = m_counts.find(label);
                m_issues.add(Severity::Warning, found == m_counts.end() ? 0 : found->second.line, "labels differ from another only by case or blanks",
                             [&] { return "The labels " + inQuotes(other->second) + " and " + inQuotes(label) + " differ only by case or blanks around them. Are they one?"; });
            }
            if (m_counts.find(label) == m_counts.end())
                m_issues.add(Severity::Warning, 0, "labels have no row", [&] { return "No row has the label " + inQuotes(label) + " of data.labels."; });
        }
        for (const auto& [label, found] : m_counts) {
            if (m_numbers.contains(label)) continue;
            m_issues.add(Severity::Warning, found.line, "labels are not in data.labels", [&, &name = label, &where = found] {
                const auto meant = spellings.find(folded(name));
                return rows(where.count) + have(where.count) + " the label " + inQuotes(name) + ", which is not in data.labels," + leftOut(where.count) +
                       "; this is the first." +
                       (meant == spellings.end() ? std::string() : " It differs from " + inQuotes(meant->second) + " only by case or blanks around it.");
            });
        }
    }

    // Examples with equal texts stand together when sorted by a hash of the text.
    void reportRepeats() {
        std::vector<std::pair<std::size_t, std::size_t>> order; // hash, example
        order.reserve(m_dataset.examples.size());
        for (std::size_t i = 0; i < m_dataset.examples.size(); ++i) order.emplace_back(std::hash<std::string>()(m_dataset.examples[i].text), i);
        std::sort(order.begin(), order.end());
        Repeats same, torn;
        for (std::size_t i = 1; i < order.size(); ++i) {
            for (std::size_t j = i; j-- > 0 && order[j].first == order[i].first;) {
                const Example &later = m_dataset.examples[order[i].second], &earlier = m_dataset.examples[order[j].second];
                if (later.text != earlier.text) continue; // another text of the same hash
                (later.label == earlier.label ? same : torn).add(order[j].second, order[i].second);
                break;
            }
        }
        if (same.count > 0) {
            m_issues.add(Severity::Warning, m_lines[same.later], "", [&] {
                return rows(same.count) + (same.count == 1 ? " repeats" : " repeat") + " the text and label of an earlier row; this is the first, it repeats line " +
                       std::to_string(m_lines[same.earlier]) + ". One may be trained on and the other tested.";
            });
        }
        if (torn.count > 0) {
            m_issues.add(Severity::Warning, m_lines[torn.later], "", [&] {
                return rows(torn.count) + (torn.count == 1 ? " repeats" : " repeat") + " an earlier text under another label; this is the first: " +
                       inQuotes(labelNamed(torn.later)) + ", but " + inQuotes(labelNamed(torn.earlier)) + " on line " + std::to_string(m_lines[torn.earlier]) + ".";
            });
        }
    }
    const std::string& labelNamed(std::size_t example) const { return m_dataset.labels[static_cast<std::size_t>(m_dataset.examples[example].label)]; }

    struct Repeats {
        std::int64_t count = 0;
        std::size_t earlier = 0, later = 0; // of the repeat that comes first in the file
        void add(std::size_t before, std::size_t after) {
            if (count++ == 0 || after < later) earlier = before, later = after;
        }
    };

    const CsvTable& m_table;
    const DataSpec& m_spec;
    IssueList m_issues;
    Dataset m_dataset;
    std::vector<std::int64_t> m_lines; // of the examples
    Counts m_counts;                   // labels of rows that have label and text
    Found m_blankTexts, m_blankLabels;
    std::map<std::string, int, std::less<>> m_numbers;
};

} // namespace

Dataset makeDataset(const CsvTable& table, const DataSpec& spec) { return DatasetMaker(table, spec).make(); }

} // namespace engine
