// SPDX-License-Identifier: GPL-3.0-or-later
// Quoted text is searched by memchr, unquoted text eight bytes at a time.
#include "engine/data/csv/records.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace engine {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101u;
constexpr std::uint64_t kHigh = 0x8080808080808080u;

// The high bit of each byte that is zero; bytes above a zero byte may be marked wrongly, the lowest mark never is.
std::uint64_t zeroBytes(std::uint64_t word) {
    return (word - kOnes) & ~word & kHigh;
}

const char* find(const char* at, const char* end, char wanted) {
    return static_cast<const char*>(std::memchr(at, wanted, static_cast<std::size_t>(end - at)));
}

std::string_view between(const char* begin, const char* end) {
    return {begin, static_cast<std::size_t>(end - begin)};
}

} // namespace

std::string FieldView::text() const {
    if (!joined) return std::string(raw);
    std::string text;
    text.reserve(raw.size());
    std::size_t at = 0;
    for (;;) {
        const std::size_t quote = raw.find('"', at);
        text += raw.substr(at, quote == std::string_view::npos ? quote : quote - at);
        if (quote == std::string_view::npos) return text;
        if (quote + 1 >= raw.size() || raw[quote + 1] != '"')
            return text.append(raw.substr(quote + 1)); // closed: what follows is taken as it is
        text += '"';
        at = quote + 2;
    }
}

RecordReader::RecordReader(std::string_view text, char delimiter, std::int64_t line)
    : m_begin(text.data()), m_at(m_begin), m_end(m_begin + text.size()), m_delimiter(delimiter),
      m_delimiterWord(kOnes * static_cast<unsigned char>(delimiter)), m_line(line) {}

// The delimiter or line end at or after `at`, else the end of the text.
const char* RecordReader::findStop(const char* at) const {
    if constexpr (std::endian::native == std::endian::little) {
        for (; m_end - at >= 8; at += 8) {
            std::uint64_t word = 0;
            std::memcpy(&word, at, sizeof word);
            const std::uint64_t hits =
                zeroBytes(word ^ m_delimiterWord) | zeroBytes(word ^ (kOnes * '\n')) | zeroBytes(word ^ (kOnes * '\r'));
            if (hits) return at + std::countr_zero(hits) / 8;
        }
    }
    while (at != m_end && *at != m_delimiter && *at != '\n' && *at != '\r') ++at;
    return at;
}

std::int64_t RecordReader::countLineEnds(std::string_view text) const {
    std::int64_t count = 0;
    for (std::size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1)) ++count;
    for (std::size_t at = text.find('\r'); at != std::string_view::npos; at = text.find('\r', at + 1))
        count += text.substr(at + 1).starts_with('\n') ? 0 : 1;
    return count;
}

FieldView RecordReader::readQuoted(RecordView& record) {
    FieldView field;
    field.quoted = true;
    const std::int64_t line = m_line;
    const char* const begin = ++m_at;
    const char* quote = find(m_at, m_end, '"');
    while (quote && quote + 1 != m_end && quote[1] == '"') {
        field.joined = true;
        quote = find(quote + 2, m_end, '"');
    }
    const char* end = quote ? quote : m_end;
    m_line += countLineEnds(between(begin, end));
    m_at = quote ? quote + 1 : m_end;
    if (!quote && record.quoteLine == 0) record.quoteLine = line;
    if (m_at != m_end && *m_at != m_delimiter && *m_at != '\n' && *m_at != '\r') {
        record.textAfterQuote = field.joined = true;
        end = m_at = findStop(m_at);
    }
    field.raw = between(begin, end);
    if (field.raw.size() > kMostFieldBytes && record.longLine == 0) record.longLine = line;
    return field;
}

FieldView RecordReader::readField(RecordView& record) {
    if (m_at != m_end && *m_at == '"') return readQuoted(record);
    const char* const begin = m_at;
    m_at = findStop(m_at);
    if (static_cast<std::size_t>(m_at - begin) > kMostFieldBytes && record.longLine == 0) record.longLine = m_line;
    return {between(begin, m_at), false, false};
}

void RecordReader::readRecord(RecordView& record) {
    const char* const begin = m_at;
    record.fields.clear();
    record.fieldCount = 0;
    record.line = m_line;
    record.quoteLine = record.longLine = 0;
    record.textAfterQuote = false;
    for (;;) {
        const FieldView field = readField(record);
        if (record.fieldCount++ < kMostFields) record.fields.push_back(field);
        if (m_at == m_end || *m_at != m_delimiter) break;
        ++m_at;
    }
    record.raw = between(begin, m_at);
    record.end = LineEnd::None;
    if (m_at == m_end) return;
    ++m_line;
    if (*m_at == '\n')
        record.end = LineEnd::Lf;
    else
        record.end = m_at + 1 != m_end && m_at[1] == '\n' ? LineEnd::CrLf : LineEnd::Cr;
    m_at += record.end == LineEnd::CrLf ? 2 : 1;
}

bool RecordReader::nextLine(RecordView& record) {
    if (m_at == m_end) return false;
    readRecord(record);
    return true;
}

bool RecordReader::next(RecordView& record) {
    while (nextLine(record)) {
        if (!record.isBlank()) return true;
    }
    return false;
}

} // namespace engine
