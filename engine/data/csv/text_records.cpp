// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/csv/text_records.h"

#include "engine/error.h"

#include <algorithm>

namespace engine {
namespace {

// A window read from a file grows while it is read on from, so one record costs little and many cost little each.
constexpr std::size_t kLeastWindow = 4 << 10, kMostWindow = 256 << 10;

} // namespace

void CsvRecords::read(std::size_t offset, std::int64_t line, std::size_t count) {
    leaveWindow(offset, line); // the buffer is another's from here on, also where the reading throws
    m_window = m_text.view(offset, m_text.isHeld() ? m_text.size() : count, m_buffer);
    m_reader = RecordReader(m_window, m_delimiter, line);
}

void CsvRecords::leaveWindow(std::size_t offset, std::int64_t line) {
    m_window = {};
    m_windowBegin = m_begin = offset;
    m_reader = RecordReader({}, m_delimiter, line);
}

void CsvRecords::seek(std::size_t offset, std::int64_t line) {
    if (offset < m_windowBegin || offset >= m_windowBegin + m_window.size()) return leaveWindow(offset, line);
    m_begin = offset;
    m_reader = RecordReader(m_window.substr(offset - m_windowBegin), m_delimiter, line);
}

bool CsvRecords::next(RecordView& record) {
    const std::size_t at = offset();
    const std::int64_t first = line();
    for (;;) {
        const bool any = m_reader.nextLine(record);
        const std::size_t windowEnd = m_windowBegin + m_window.size();
        const bool whole = windowEnd == m_text.size() || offset() < windowEnd;
        if (any && record.longLine > 0 && !record.isBlank()) {
            throw Error(ErrorCode::BadInput,
                        m_text.path().string() + ":" + std::to_string(record.longLine) +
                            ": The field that begins here is longer than 64 MiB.",
                        "If a quote opens it, that quote is probably never closed.");
        }
        if (whole) return any;
        const bool reachedFromBegin = at == m_windowBegin; // it is longer than the window
        read(at, first,
             m_window.empty()   ? kLeastWindow
             : reachedFromBegin ? 4 * m_window.size()
                                : std::clamp(2 * m_window.size(), kLeastWindow, kMostWindow));
    }
}

bool CsvRecords::nextHeld(RecordView& record) {
    const std::size_t at = offset(), windowEnd = m_windowBegin + m_window.size();
    const std::int64_t first = line();
    const bool any = m_reader.nextLine(record);
    if (any && record.longLine == 0 && (windowEnd == m_text.size() || offset() < windowEnd)) return true;
    if (any) seek(at, first);
    return false;
}

} // namespace engine
