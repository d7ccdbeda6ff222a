// SPDX-License-Identifier: GPL-3.0-or-later
// Guesses from the first 1,000 records.
#include "engine/data/csv/sniff.h"

#include "engine/data/csv/records.h"
#include "engine/words/numbers.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace engine {
namespace {

constexpr std::size_t kSampleRecords = 1000;
constexpr std::size_t kSampleBytes = 1 << 20;

// 1: every record has the same number of fields, two or more. Less for each record that breaks rank, has quotes in odd places, or
// blanks after the delimiter, as punctuation in prose has.
double rate(std::string_view text, char delimiter) {
    RecordReader reader(text, delimiter);
    RecordView record;
    std::map<std::size_t, std::size_t> byFields;
    std::size_t records = 0, odd = 0, spaced = 0;
    while (records < kSampleRecords && reader.offset() < kSampleBytes && reader.next(record)) {
        if (std::all_of(record.raw.begin(), record.raw.end(), [&](char c) { return c == delimiter || c == ' ' || c == '\t'; }))
            continue;
        ++records;
        ++byFields[record.fieldCount];
        const auto& fields = record.fields;
        odd += record.textAfterQuote || record.quoteLine > 0 || std::any_of(fields.begin(), fields.end(), [](const FieldView& f) {
                   return !f.quoted && f.raw.find('"') != std::string_view::npos;
               });
        spaced +=
            std::any_of(fields.begin() + 1, fields.end(), [](const FieldView& f) { return !f.quoted && f.raw.starts_with(' '); });
    }
    std::size_t usual = 0, most = 0;
    for (const auto& [fieldCount, count] : byFields) {
        if (count > most) usual = fieldCount, most = count;
    }
    if (usual < 2) return 0;
    const auto all = static_cast<double>(records);
    return static_cast<double>(most) / all - 0.5 * static_cast<double>(odd) / all - 0.25 * static_cast<double>(spaced) / all;
}

bool isUsualName(std::string name) {
    static const std::set<std::string, std::less<>> kNames{
        "label",  "labels",  "text",    "texts",   "sentence",    "sentences", "sentiment", "class",    "category", "target",
        "topic",  "intent",  "emotion", "id",      "idx",         "index",     "title",     "headline", "comment",  "review",
        "tweet",  "message", "body",    "content", "description", "document",  "date",      "time",     "author",   "user",
        "source", "url",     "score",   "rating",  "stars",       "question",  "answer",    "prompt",   "response"};
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return kNames.contains(name);
}

bool canBeName(const std::string& field) {
    constexpr std::size_t kLongestName = 60;
    constexpr std::ptrdiff_t kMostBlanks = 6;
    return field.size() <= kLongestName && !isNumber(field) && field.find_first_of("\r\n") == std::string::npos &&
           std::count(field.begin(), field.end(), ' ') <= kMostBlanks;
}

enum class Evidence { Against, None, For };

// What a column says of its first value being its name.
Evidence judge(const std::vector<std::vector<std::string>>& records, std::size_t column) {
    const std::string& first = records[0][column];
    std::set<std::string_view> values;
    std::size_t rows = 0, numbers = 0, shortest = std::string::npos;
    for (std::size_t i = 1; i < records.size(); ++i) {
        if (column >= records[i].size() || records[i] == records[0]) continue; // a header that is repeated names nothing
        const std::string& value = records[i][column];
        if (value.empty()) continue;
        if (value == first) return Evidence::Against;
        ++rows;
        numbers += isNumber(value);
        shortest = std::min(shortest, value.size());
        values.insert(value);
    }
    if (rows == 0 || first.empty()) return Evidence::None;
    const bool few = rows >= 4 && values.size() * 2 <= rows;
    const bool shorter = first.size() * 2 < shortest;
    return numbers == rows || few || shorter || isUsualName(first) ? Evidence::For : Evidence::None;
}

} // namespace

char sniffDelimiter(std::string_view text) {
    char best = ',';
    double bestRate = 0;
    for (char candidate : {'\t', '|', ';', ','}) { // where they tie, the one that prose has least often
        const double rated = rate(text, candidate);
        if (rated > bestRate) best = candidate, bestRate = rated;
    }
    return best;
}

bool looksLikeHeader(const std::vector<std::vector<std::string>>& records) {
    if (records.empty()) return false;
    const std::vector<std::string>& first = records[0];
    if (!std::all_of(first.begin(), first.end(), canBeName)) return false;
    if (records.size() == 1) return std::all_of(first.begin(), first.end(), isUsualName);
    bool named = false;
    for (std::size_t column = 0; column < first.size(); ++column) {
        const Evidence evidence = judge(records, column);
        if (evidence == Evidence::Against) return false;
        named = named || evidence == Evidence::For;
    }
    return named;
}

const char* foreignFormat(std::string_view bytes) {
    struct Format {
        std::string_view magic;
        const char* name;
    };
    static constexpr std::array<Format, 9> kFormats{{{"PK\x03\x04", "a zip archive or Excel workbook"},
                                                     {"\xD0\xCF\x11\xE0", "an old Excel or Word file"},
                                                     {"\x1F\x8B", "gzip-compressed"},
                                                     {"BZh", "bzip2-compressed"},
                                                     {"\xFD"
                                                      "7zXZ",
                                                      "xz-compressed"},
                                                     {"%PDF-", "a PDF"},
                                                     {"SQLite format 3", "an SQLite database"},
                                                     {"PAR1", "a Parquet file"},
                                                     {"\x89PNG", "a PNG image"}}};
    const auto found =
        std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& f) { return bytes.starts_with(f.magic); });
    return found == kFormats.end() ? nullptr : found->name;
}

} // namespace engine
