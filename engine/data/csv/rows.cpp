// SPDX-License-Identifier: GPL-3.0-or-later
// Between the rows that are anchors, records are read again.
#include "engine/data/csv/rows.h"

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

CsvRows::CsvRows(const CsvStore& store)
    : m_store(store), m_records(*store.text, store.shape.delimiter), m_joined(store.shape.columns) {
    if (!store.anchors.empty()) goTo(store.anchors.front());
}

void CsvRows::goTo(const CsvAnchor& anchor) {
    m_stands = false;
    m_records.seek(anchor.offset, anchor.line);
    m_nextRow = anchor.row;
    m_nextRecord = anchor.record;
}

bool CsvRows::isRow() {
    if (m_record.isBlank()) return false;
    ++m_nextRecord;
    if (!m_store.shape.isRow(m_record)) return false;
    ++m_nextRow;
    return true;
}

bool CsvRows::next() {
    if (m_nextRow >= m_store.rowCount) return false;
    m_stands = false;
    while (m_records.next(m_record)) {
        if (isRow()) return m_stands = true;
    }
    m_store.text->refuseChanged();
}

void CsvRows::goBefore(std::size_t row) {
    const auto anchor = lastUpTo(m_store.anchors, row, [](const CsvAnchor& a) { return a.row; });
    if (row < m_nextRow || anchor->row > m_nextRow) goTo(*anchor);
    while (m_nextRow < row && next()) continue;
}

void CsvRows::seek(std::size_t row) {
    if (m_stands && row + 1 == m_nextRow) return;
    goBefore(row);
    next();
}

void CsvRows::read(std::size_t begin, std::size_t end, std::span<const std::size_t> columns, RowBatch& batch) {
    constexpr std::size_t kMostRows = 256;
    batch.clear();
    m_batchJoined.clear();
    if (begin != m_nextRow) goBefore(begin);
    m_stands = false;
    // The first may take another window; the others must not.
    while (m_nextRow < end && batch.size() < kMostRows &&
           (batch.size() == 0 ? m_records.next(m_record) : m_records.nextHeld(m_record))) {
        if (!isRow()) continue;
        batch.records.push_back(record());
        batch.lines.push_back(line());
        for (const std::size_t column : columns) {
            const FieldView& field = m_record.fields[column];
            batch.fields.push_back(field.joined ? std::string_view(m_batchJoined.emplace_back(field.text())) : field.raw);
        }
    }
    if (batch.size() == 0 && begin < end) m_store.text->refuseChanged();
}

std::string_view CsvRows::field(std::size_t column) {
    const FieldView& field = m_record.fields[column];
    if (!field.joined) return field.raw;
    m_joined[column] = field.text();
    return m_joined[column];
}

std::optional<std::size_t> CsvRows::findLine(std::int64_t line) {
    const auto anchor = lastUpTo(m_store.anchors, line, [](const CsvAnchor& a) { return a.line; });
    if (anchor == m_store.anchors.end()) return std::nullopt;
    std::size_t found = anchor->row;
    const std::size_t end = anchor + 1 == m_store.anchors.end() ? m_store.rowCount : (anchor + 1)->row;
    for (seek(found); found + 1 < end; ++found) {
        if (!next() || this->line() > line) break;
    }
    return found;
}

std::optional<std::size_t> CsvRows::findRecord(std::int64_t record) {
    const auto anchor = lastUpTo(m_store.anchors, record, [](const CsvAnchor& a) { return a.record; });
    if (anchor == m_store.anchors.end()) return std::nullopt;
    for (seek(anchor->row); this->record() < record;) {
        if (!next()) return std::nullopt;
    }
    return this->record() == record ? std::optional(row()) : std::nullopt;
}

std::unique_ptr<Rows> CsvStore::rows() const {
    return std::make_unique<CsvRows>(*this);
}

std::vector<std::size_t> CsvStore::stretches() const {
    constexpr std::size_t kAnchors = 64;
    std::vector<std::size_t> first;
    for (std::size_t i = 0; i < anchors.size(); i += kAnchors) first.push_back(anchors[i].row);
    return first;
}

std::string CsvStore::sha256(std::stop_token stop) const {
    return text->sha256(std::move(stop));
}

} // namespace engine
