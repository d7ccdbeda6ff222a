// SPDX-License-Identifier: GPL-3.0-or-later
// Between the rows that are anchors, records are read again.
#include "engine/data/csv_rows.h"

#include <algorithm>

namespace engine {
namespace {

// The last anchor for which `of` gives no more than `value`; end: none.
template <class Value, class Of> auto lastUpTo(const std::vector<CsvAnchor>& anchors, Value value, Of of) {
    const auto after =
        std::upper_bound(anchors.begin(), anchors.end(), value, [&](Value v, const CsvAnchor& anchor) { return v < of(anchor); });
    return after == anchors.begin() ? anchors.end() : after - 1;
}

} // namespace

CsvRows::CsvRows(const CsvTable& table)
    : m_table(table), m_records(*table.text, table.shape.delimiter), m_joined(table.header.size()) {
    if (!table.anchors.empty()) goTo(table.anchors.front());
}

void CsvRows::goTo(const CsvAnchor& anchor) {
    m_stands = false;
    m_records.seek(anchor.offset, anchor.line);
    m_nextRow = anchor.row;
    m_nextRecord = anchor.record;
}

bool CsvRows::next() {
    if (m_nextRow >= m_table.rowCount) return false;
    m_stands = false;
    while (m_records.next(m_record)) {
        if (m_record.isBlank()) continue;
        ++m_nextRecord;
        if (!m_table.shape.isRow(m_record)) continue;
        ++m_nextRow;
        return m_stands = true;
    }
    m_table.text->refuseChanged();
}

void CsvRows::seek(std::size_t row) {
    if (m_stands && row + 1 == m_nextRow) return;
    const auto anchor = lastUpTo(m_table.anchors, row, [](const CsvAnchor& a) { return a.row; });
    if (row < m_nextRow || anchor->row > m_nextRow) goTo(*anchor);
    while (m_nextRow <= row && next()) continue;
}

std::string_view CsvRows::field(std::size_t column) {
    const FieldView& field = m_record.fields[column];
    if (!field.joined) return field.raw;
    m_joined[column] = field.text();
    return m_joined[column];
}

std::optional<std::size_t> CsvRows::findLine(std::int64_t line) {
    const auto anchor = lastUpTo(m_table.anchors, line, [](const CsvAnchor& a) { return a.line; });
    if (anchor == m_table.anchors.end()) return std::nullopt;
    std::size_t found = anchor->row;
    const std::size_t end = anchor + 1 == m_table.anchors.end() ? m_table.rowCount : (anchor + 1)->row;
    for (seek(found); found + 1 < end; ++found) {
        if (!next() || this->line() > line) break;
    }
    return found;
}

std::optional<std::size_t> CsvRows::findRecord(std::int64_t record) {
    const auto anchor = lastUpTo(m_table.anchors, record, [](const CsvAnchor& a) { return a.record; });
    if (anchor == m_table.anchors.end()) return std::nullopt;
    for (seek(anchor->row); this->record() < record;) {
        if (!next()) return std::nullopt;
    }
    return this->record() == record ? std::optional(row()) : std::nullopt;
}

} // namespace engine
