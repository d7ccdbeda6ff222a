// SPDX-License-Identifier: GPL-3.0-or-later
// Each thread takes stretches of rows and writes what it finds to the rows' own places.
#include "engine/data/labelled_rows.h"

#include "engine/data/table.h"
#include "engine/kernels/parallel.h"
#include "engine/words/quoting.h"
#include "engine/words/utf8.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <fmt/core.h>
#include <memory>
#include <mutex>
#include <unicode/uchar.h>

namespace engine {
namespace {

constexpr std::size_t kMostValueBytes = std::size_t{256} << 20; // of all labels that differ: more are texts

bool isBlank(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return true;
    if (text[first] > ' ' && text[first] < 0x7F) return false; // as nearly always
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Step step = utf8Step(text, at);
        if (!u_isUWhiteSpace(static_cast<UChar32>(step.code)) && step.code != 0xFEFF && step.code != 0x200B) return false;
        at += step.bytes;
    }
    return true;
}

class LabelledRowReader {
public:
    LabelledRowReader(const Table& table, std::size_t labelColumn, std::size_t textColumn, const std::vector<std::string>& labels,
                      bool wantsExamples)
        : m_table(table), m_labelColumn(labelColumn), m_textColumn(textColumn), m_takesAll(labels.empty()),
          m_wantsExamples(wantsExamples) {
        for (std::size_t i = 0; i < labels.size(); ++i) m_numbers.emplace(labels[i], static_cast<std::int32_t>(i));
    }

    LabelledRows read() {
        m_read.rows.resize(m_table.rowCount);
        if (m_wantsExamples) m_read.examples.resize(m_table.rowCount);
        const std::vector<std::size_t> stretches = m_table.store->stretches();
        std::vector<std::unique_ptr<Reader>> readers(partThreads());
        forEachPart(stretches.size(), [&](std::size_t part, std::size_t thread) {
            if (!readers[thread]) readers[thread] = std::make_unique<Reader>(m_table);
            readStretch(*readers[thread], stretches[part], part + 1 < stretches.size() ? stretches[part + 1] : m_table.rowCount);
        });
        for (const auto& reader : readers) {
            if (reader) add(*reader);
        }
        if (m_takesAll) numberInOrder();
        std::erase_if(m_read.rows, [](const LabelledRow& row) { return row.label < 0; });
        std::erase_if(m_read.examples, [](const Example& example) { return example.label < 0; });
        return std::move(m_read);
    }

private:
    // What one thread has found.
    struct Reader {
        explicit Reader(const Table& table) : rows(table.rows()) {}
        std::unique_ptr<Rows> rows;
        RowBatch batch;
        std::map<std::string, LabelValue, std::less<>> values;
        FoundRows blankLabels, blankTexts;
    };

    void readStretch(Reader& reader, std::size_t begin, std::size_t end) {
        const RowBatch& batch = reader.batch;
        const std::array columns{m_labelColumn, m_textColumn};
        for (; begin < end; begin += batch.size()) {
            reader.rows->read(begin, end, columns, reader.batch);
            for (std::size_t i = 0; i < batch.size(); ++i)
                add(reader, begin + i, batch.fields[2 * i], batch.fields[2 * i + 1], batch.records[i], batch.lines[i]);
        }
    }

    void add(Reader& reader, std::size_t row, std::string_view label, std::string_view text, std::int64_t record,
             std::int64_t line) {
        auto value = reader.values.find(label);
        if (value == reader.values.end()) {
            refuseTexts(label.size());
            value = reader.values.emplace(label, LabelValue{0, {}, numberOf(label)}).first;
        }
        ++value->second.rows;
        const bool blankText = isBlank(text);
        if (isBlank(label))
            reader.blankLabels.add(line);
        else if (blankText)
            reader.blankTexts.add(line);
        else
            value->second.usable.add(line);
        const std::int32_t number = blankText ? -1 : value->second.number;
        m_read.rows[row] = {std::hash<std::string_view>()(text), static_cast<std::uint32_t>(row), number};
        if (m_wantsExamples) m_read.examples[row] = number < 0 ? Example{0, {}, -1} : Example{record, std::string(text), number};
    }

    void refuseTexts(std::size_t bytes) {
        constexpr std::size_t kNode = 128; // what a value takes beside its characters
        if (m_valueBytes.fetch_add(bytes + kNode) + bytes + kNode <= kMostValueBytes) return;
        throw Error(ErrorCode::BadInput,
                    fmt::format("Column {} of {} holds too many different values for labels.",
                                inQuotes(m_table.header[m_labelColumn]), m_table.path.string()),
                    "Set data.label to the column that holds the labels.");
    }

    // Where all are taken: for now, in the order in which threads meet them.
    std::int32_t numberOf(std::string_view label) {
        const std::lock_guard lock(m_lock);
        const auto found = m_numbers.find(label);
        if (found != m_numbers.end()) return found->second;
        if (!m_takesAll || isBlank(label)) return -1;
        return m_numbers.emplace(label, static_cast<std::int32_t>(m_numbers.size())).first->second;
    }

    void add(const Reader& reader) {
        for (const auto& [label, value] : reader.values) {
            LabelValue& to = m_read.values[label];
            to.rows += value.rows;
            to.usable.add(value.usable);
            to.number = value.number;
        }
        m_read.blankLabels.add(reader.blankLabels);
        m_read.blankTexts.add(reader.blankTexts);
    }

    void numberInOrder() {
        std::vector<std::int32_t> numbers(m_numbers.size(), -1); // by those they had
        std::int32_t next = 0;
        for (auto& [label, value] : m_read.values) {
            if (value.usable.count > 0) value.number = numbers[static_cast<std::size_t>(value.number)] = next++;
        }
        for (LabelledRow& row : m_read.rows) {
            if (row.label >= 0) row.label = numbers[static_cast<std::size_t>(row.label)];
        }
        for (Example& example : m_read.examples) {
            if (example.label >= 0) example.label = numbers[static_cast<std::size_t>(example.label)];
        }
    }

    const Table& m_table;
    std::size_t m_labelColumn, m_textColumn;
    bool m_takesAll, m_wantsExamples;
    LabelledRows m_read;
    std::atomic<std::size_t> m_valueBytes = 0;
    std::mutex m_lock; // of m_numbers
    std::map<std::string, std::int32_t, std::less<>> m_numbers;
};

Repeats findSorted(LabelledRow* begin, LabelledRow* end) {
    std::sort(begin, end,
              [](const LabelledRow& a, const LabelledRow& b) { return a.hash != b.hash ? a.hash < b.hash : a.row < b.row; });
    Repeats repeats;
    for (LabelledRow* row = begin; row != end && row + 1 != end; ++row) {
        if (row->hash == row[1].hash)
            (row->label == row[1].label ? repeats.sameLabel : repeats.otherLabel).add({1, row[0], row[1]});
    }
    return repeats;
}

} // namespace

void FoundRows::add(const FoundRows& others) {
    if (others.count > 0 && (count == 0 || others.line < line)) line = others.line;
    count += others.count;
}

void RepeatedRows::add(const RepeatedRows& others) {
    if (others.count > 0 && (count == 0 || others.later.row < later.row)) earlier = others.earlier, later = others.later;
    count += others.count;
}

LabelledRows readLabelledRows(const Table& table, std::size_t labelColumn, std::size_t textColumn,
                              const std::vector<std::string>& labels, bool wantsExamples) {
    return LabelledRowReader(table, labelColumn, textColumn, labels, wantsExamples).read();
}

Repeats findRepeats(std::vector<LabelledRow>& rows) {
    // Equal hashes are in one of the pieces, each of which is sorted by itself.
    std::vector<LabelledRow*> ends{rows.data(), rows.data() + rows.size()};
    for (std::uint64_t bit = std::uint64_t{1} << 63; ends.size() - 1 < partThreads(); bit >>= 1) {
        std::vector<LabelledRow*> more{ends.front()};
        for (std::size_t i = 1; i < ends.size(); ++i) {
            more.push_back(std::partition(ends[i - 1], ends[i], [bit](const LabelledRow& row) { return (row.hash & bit) == 0; }));
            more.push_back(ends[i]);
        }
        ends = std::move(more);
    }
    std::vector<Repeats> found(ends.size() - 1);
    forEachPart(found.size(), [&](std::size_t part, std::size_t) { found[part] = findSorted(ends[part], ends[part + 1]); });
    Repeats all;
    for (const Repeats& repeats : found) {
        all.sameLabel.add(repeats.sameLabel);
        all.otherLabel.add(repeats.otherLabel);
    }
    return all;
}

} // namespace engine
