// SPDX-License-Identifier: GPL-3.0-or-later
// The records of CSV text one by one, as views into it (RFC 4180, with CR, LF or CRLF at the end of a record).
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

/// Where a field's text stands.
struct FieldView {
    std::string_view raw; // without its outer quotes
    bool quoted = false;
    bool joined = false; // holds doubled quotes, or text after the closing quote
    std::string text() const;
};

enum class LineEnd { None, Lf, CrLf, Cr };

struct RecordView {
    std::vector<FieldView> fields; // at most RecordReader::kMostFields
    std::size_t fieldCount = 0;    // all of them
    std::int64_t line = 0;         // 1-based line on which it begins
    std::int64_t quoteLine = 0;    // line of the quote that is not closed; 0: all are
    std::int64_t longLine = 0;     // line of the first field over kMostFieldBytes; 0: none
    bool textAfterQuote = false;   // "closed"and more
    std::string_view raw;          // all of it, without its line end
    LineEnd end = LineEnd::None;
    /// Nothing, or blanks and tabs only, in no quotes: a line that is no record.
    bool isBlank() const {
        return fieldCount == 1 && !fields[0].quoted && raw.find_first_not_of(" \t") == std::string_view::npos;
    }
};

class RecordReader {
public:
    static constexpr std::size_t kMostFields = 10'000;
    static constexpr std::size_t kMostFieldBytes = std::size_t{64} << 20;

    /// `text` must outlive the views and begins on line `line`; `delimiter` is neither a quote nor a line end.
    RecordReader(std::string_view text, char delimiter, std::int64_t line = 1);
    /// Reads the next record that is not blank; false at the end.
    bool next(RecordView& record);
    /// Reads the next record, blank or not; false at the end.
    bool nextLine(RecordView& record);
    /// Bytes read so far.
    std::size_t offset() const { return static_cast<std::size_t>(m_at - m_begin); }
    /// The line on which the next record begins.
    std::int64_t line() const { return m_line; }

private:
    void readRecord(RecordView& record);
    FieldView readField(RecordView& record);
    FieldView readQuoted(RecordView& record);
    const char* findStop(const char* at) const;
    std::int64_t countLineEnds(std::string_view text) const;

    const char* m_begin;
    const char* m_at;
    const char* m_end;
    char m_delimiter;
    std::uint64_t m_delimiterWord; // the delimiter in every byte
    std::int64_t m_line;
};

} // namespace engine
