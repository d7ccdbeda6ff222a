// SPDX-License-Identifier: GPL-3.0-or-later
// The records of a CSV's text from any place on, a window of it at a time.
#pragma once
#include "engine/data/csv/records.h"
#include "engine/data/csv/text.h"

#include <cstddef>
#include <cstdint>

namespace engine {

class CsvRecords {
public:
    /// `text` must outlive it.
    CsvRecords(const CsvText& text, char delimiter) : m_text(text), m_delimiter(delimiter), m_reader({}, delimiter) {}

    /// The next record to be read begins at `offset`, on line `line`. Reads nothing.
    void seek(std::size_t offset, std::int64_t line);
    /// Reads the next record, blank or not, however long it is; false at the end. Its views are valid until the next call. Throws
    /// Error(Io), and Error(BadInput) for a field over RecordReader::kMostFieldBytes; the same record is then the next one still.
    bool next(RecordView& record);
    /// The same where the window at hand holds all of the record: false, and nothing is read, where it does not. Views that were
    /// given stay valid.
    bool nextHeld(RecordView& record);
    std::size_t offset() const { return m_begin + m_reader.offset(); }
    std::int64_t line() const { return m_reader.line(); }

private:
    void read(std::size_t offset, std::int64_t line, std::size_t count);
    void leaveWindow(std::size_t offset, std::int64_t line);

    const CsvText& m_text;
    char m_delimiter;
    CsvBuffer m_buffer;
    std::string_view m_window;
    std::size_t m_windowBegin = 0;
    RecordReader m_reader; // of the window from m_begin on
    std::size_t m_begin = 0;
};

} // namespace engine
