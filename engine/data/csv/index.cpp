// SPDX-License-Identifier: GPL-3.0-or-later
// Each part is scanned from where its first record seems to begin; then, in order, the record that reaches into it is read with
// care, which shows whether that was right.
#include "engine/data/csv/index.h"

#include "engine/data/csv/scan.h"
#include "engine/kernels/parallel.h"
#include "engine/words/utf8.h"

#include <algorithm>
#include <atomic>

namespace engine {
namespace {

constexpr std::size_t kNone = std::string_view::npos;

struct Part {
    std::size_t begin = 0, end = 0;
    std::size_t first = kNone; // where its first record seems to begin
    std::size_t last = 0;      // where the record begins that it does not hold whole
    CsvTally tally;
};

std::size_t continuations(std::string_view text) {
    return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), beginsCharacter) - text.begin());
}

// Whether the characters that begin in the first `size` bytes of `text`, three bytes longer where there are as many, are
// well-formed.
bool isPartUtf8(std::string_view text, std::size_t size, bool isFirst) {
    const std::size_t from = isFirst ? 0 : continuations(text.substr(0, 3)), to = size + continuations(text.substr(size));
    return from >= to || isUtf8(text.substr(from, to - from));
}

class Indexer {
public:
    Indexer(const CsvText& text, const CsvShape& shape, const CsvIndexOptions& options)
        : m_text(text), m_shape(shape), m_options(options), m_records(text, shape.delimiter) {}

    std::optional<CsvTally> index(std::size_t begin, std::int64_t line) {
        m_at = begin;
        m_total.lines = line - 1;
        for (std::size_t at = begin; at < m_text.size(); at += m_options.partBytes)
            m_parts.push_back({at, std::min(at + m_options.partBytes, m_text.size()), kNone, 0, {}});
        if (!scanParts()) return std::nullopt;
        for (Part& part : m_parts) append(part);
        while (m_at < m_text.size()) readOne();
        return std::move(m_total);
    }

private:
    bool scanParts() {
        std::vector<CsvBuffer> buffers(partThreads());
        std::atomic<bool> wellFormed = true;
        forEachPart(m_parts.size(), [&](std::size_t number, std::size_t thread) {
            if (m_options.stop.stop_requested()) throw StopRequested{};
            if (!wellFormed) return;
            Part& part = m_parts[number];
            const std::size_t size = part.end - part.begin;
            const std::string_view text = m_text.view(part.begin, size + 3, buffers[thread]);
            if (m_options.checkUtf8 && !isPartUtf8(text, size, number == 0)) wellFormed = false;
            const std::size_t first = number == 0 ? 0 : guessFirstRecord(text.substr(0, size), m_shape.delimiter);
            if (first != kNone) scan(part, text.substr(first, size - first), part.begin + first);
        });
        return wellFormed;
    }

    void scan(Part& part, std::string_view text, std::size_t offset) const {
        part.first = offset;
        part.last = offset + scanRecords(text, offset, m_shape, part.tally);
    }

    void readOne() {
        if (m_options.stop.stop_requested()) throw StopRequested{};
        m_records.seek(m_at, m_total.lines + 1);
        const std::size_t offset = m_at;
        if (m_records.next(m_record)) m_total.add(m_record, offset, m_records.line(), m_shape);
        m_at = m_records.offset();
    }

    void append(Part& part) {
        constexpr int kMostRead = 8; // records that are read with care to meet a scan, before it is done again
        if (m_at < part.begin) readOne();
        if (m_at >= part.end) return;
        for (int read = 0; m_at < part.first && part.first != kNone && read < kMostRead; ++read) readOne();
        if (m_at >= part.end) return;
        if (m_at != part.first) {
            if (m_options.stop.stop_requested()) throw StopRequested{};
            part.tally = {};
            scan(part, m_text.view(m_at, part.end - m_at, m_buffer), m_at);
        }
        m_total.append(part.tally);
        m_at = part.last;
    }

    const CsvText& m_text;
    const CsvShape& m_shape;
    const CsvIndexOptions& m_options;
    std::vector<Part> m_parts;
    CsvRecords m_records;
    CsvBuffer m_buffer;
    RecordView m_record;
    CsvTally m_total;
    std::size_t m_at = 0; // where the next record begins
};

} // namespace

bool CsvShape::isRow(const RecordView& record) const {
    return record.quoteLine == 0 && record.fieldCount == columns &&
           !(mayHoldNuls && record.raw.find('\0') != std::string_view::npos);
}

void CsvTally::addRow(std::size_t offset, std::int64_t line) {
    if (anchors.empty() || offset - anchors.back().offset >= kAnchorBytes) anchors.push_back({offset, line, records, rows});
    ++rows;
}

void CsvTally::addOdd(CsvOddity oddity, std::int64_t line, std::size_t fieldCount) {
    if (++oddCounts[static_cast<std::size_t>(oddity)] <= IssueList::kKept) odd.push_back({oddity, line, fieldCount});
}

void CsvTally::add(const RecordView& record, std::size_t offset, std::int64_t nextLine, const CsvShape& shape) {
    lines = nextLine - 1;
    if (record.isBlank()) return;
    ends[static_cast<std::size_t>(record.end)] = true;
    if (record.quoteLine > 0)
        addOdd(CsvOddity::UnclosedQuote, record.quoteLine, record.fieldCount);
    else if (record.fieldCount != shape.columns)
        addOdd(CsvOddity::WrongFieldCount, record.line, record.fieldCount);
    else if (!shape.isRow(record))
        addOdd(CsvOddity::Nul, record.line, record.fieldCount);
    else {
        if (record.textAfterQuote) addOdd(CsvOddity::TextAfterQuote, record.line, record.fieldCount);
        addRow(offset, record.line);
    }
    ++records;
}

void CsvTally::append(const CsvTally& next) {
    for (const CsvAnchor& anchor : next.anchors)
        anchors.push_back({anchor.offset, anchor.line + lines, anchor.record + records, anchor.row + rows});
    for (const CsvOddRecord& record : next.odd) addOdd(record.oddity, record.line + lines, record.fieldCount);
    for (std::size_t i = 0; i < oddCounts.size(); ++i)
        oddCounts[i] += std::max<std::int64_t>(next.oddCounts[i] - IssueList::kKept, 0);
    for (std::size_t i = 0; i < ends.size(); ++i) ends[i] = ends[i] || next.ends[i];
    lines += next.lines;
    records += next.records;
    rows += next.rows;
}

std::optional<CsvTally> indexRecords(const CsvText& text, std::size_t begin, std::int64_t line, const CsvShape& shape,
                                     const CsvIndexOptions& options) {
    return Indexer(text, shape, options).index(begin, line);
}

} // namespace engine
