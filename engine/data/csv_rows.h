// SPDX-License-Identifier: GPL-3.0-or-later
// The rows of a table, in order or picked out; a window of its text is all that is held.
#pragma once
#include "engine/data/csv.h"
#include "engine/data/csv_records.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

/// Stands on a row of a table, or before the first. Several may read one table at once. All that reads throws Error(Io) when a
/// large file has changed.
class CsvRows {
public:
    /// `table` must outlive it.
    explicit CsvRows(const CsvTable& table);

    /// Goes to the next row; false: there is none.
    bool next();
    /// Goes to a row below table.rowCount.
    void seek(std::size_t row);
    std::size_t row() const { return m_nextRow - 1; }
    /// Its 0-based record number and the 1-based line on which it begins.
    std::int64_t record() const { return m_nextRecord - 1; }
    std::int64_t line() const { return m_record.line; }
    /// A field of it; valid until it goes to another row.
    std::string_view field(std::size_t column);

    /// The row that begins on this line or is nearest above it; nullopt: none.
    std::optional<std::size_t> findLine(std::int64_t line);
    /// The row of this record number; nullopt: none.
    std::optional<std::size_t> findRecord(std::int64_t record);

private:
    void goTo(const CsvAnchor& anchor);

    const CsvTable& m_table;
    CsvRecords m_records;
    RecordView m_record;
    bool m_stands = false; // on the row before m_nextRow, which m_record is; not where going there threw
    std::size_t m_nextRow = 0;
    std::int64_t m_nextRecord = 0;
    std::vector<std::string> m_joined; // fields of this row that its text does not hold as they are, by column
};

} // namespace engine
