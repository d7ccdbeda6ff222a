// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of a CSV, in order or picked out; a window of its text is all that is held.
#pragma once
#include "engine/data/csv/index.h"
#include "engine/data/csv/text_records.h"
#include "engine/data/table.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace engine {

/// Where the rows of a CSV are.
struct CsvStore : RowStore {
    std::shared_ptr<const CsvText> text; // the file's or, in another encoding than UTF-8, what it was converted to
    CsvShape shape;
    std::vector<CsvAnchor> anchors; // some rows, the first among them
    std::size_t rowCount = 0;

    std::unique_ptr<Rows> rows() const override;
    std::vector<std::size_t> stretches() const override;
    std::string sha256(std::stop_token stop) const override;
};

class CsvRows : public Rows {
public:
    /// `store` must outlive it.
    explicit CsvRows(const CsvStore& store);

    bool next() override;
    void seek(std::size_t row) override;
    std::size_t row() const override { return m_nextRow - 1; }
    std::int64_t record() const override { return m_nextRecord - 1; }
    std::int64_t line() const override { return m_record.line; }
    std::string_view field(std::size_t column) override;
    std::optional<std::size_t> findLine(std::int64_t line) override;
    std::optional<std::size_t> findRecord(std::int64_t record) override;
    void read(std::size_t begin, std::size_t end, std::span<const std::size_t> columns, RowBatch& batch) override;

private:
    void goTo(const CsvAnchor& anchor);
    void goBefore(std::size_t row);
    bool isRow(); // counts m_record, which was just read

    const CsvStore& m_store;
    CsvRecords m_records;
    RecordView m_record;
    bool m_stands = false; // on the row before m_nextRow, which m_record is; not where going there threw
    std::size_t m_nextRow = 0;
    std::int64_t m_nextRecord = 0;
    std::vector<std::string> m_joined;     // fields of this row that its text does not hold as they are, by column
    std::deque<std::string> m_batchJoined; // the same of a batch
};

} // namespace engine
