// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes to UTF-8 to records to rows; what is odd is an issue with its line.
#include "engine/data/csv/csv.h"

#include "engine/data/csv/rows.h"
#include "engine/data/csv/sniff.h"
#include "engine/data/encoding.h"
#include "engine/data/issue_list.h"
#include "engine/words/numbers.h"
#include "engine/words/quoting.h"
#include "engine/words/utf8.h"

#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <optional>
#include <set>

namespace engine {
namespace {

constexpr std::size_t kMostRows = 100'000'000;
constexpr std::size_t kHeadBytes = 2 << 20; // what guesses are made from, and some more

char chosenDelimiter(const std::string& option, std::string_view text) {
    if (option == "auto") return sniffDelimiter(text);
    if (option == "tab") return '\t';
    const bool usable = option.size() == 1 && static_cast<unsigned char>(option[0]) < 0x80 &&
                        option.find_first_of(std::string_view("\"\r\n\0", 4)) == std::string::npos;
    if (usable) return option[0];
    throw Error(ErrorCode::BadInput,
                "data.delimiter must be auto, tab or one ASCII character that is neither a quote nor a line end, got " +
                    inQuotes(option) + ".");
}

bool chosenHeader(const std::string& option, std::string_view text, char delimiter) {
    if (option == "true" || option == "false") return option == "true";
    if (option != "auto")
        throw Error(ErrorCode::BadInput, "data.header must be auto, true or false, got " + inQuotes(option) + ".");
    constexpr std::size_t kRecords = 1000, kBytes = 1 << 20;
    RecordReader reader(text, delimiter);
    RecordView record;
    std::vector<std::vector<std::string>> first;
    while (first.size() < kRecords && reader.offset() < kBytes && reader.next(record)) {
        if (record.longLine > 0) break;
        std::vector<std::string>& row = first.emplace_back();
        for (const FieldView& field : record.fields) row.push_back(field.text());
    }
    return looksLikeHeader(first);
}

std::string delimiterName(char delimiter) {
    switch (delimiter) {
    case ',': return "comma";
    case ';': return "semicolon";
    default: return {};
    }
}

// Makes a table of a text, which is UTF-8 from `begin` on.
class TableReader {
public:
    TableReader(std::shared_ptr<const CsvText> text, std::size_t begin, std::stop_token stop)
        : m_begin(begin), m_issues(text->path().string()), m_stop(std::move(stop)) {
        m_table.path = text->path();
        m_table.bytes = text->size();
        m_store->text = std::move(text);
    }

    /// nullopt: the text is not well-formed after all.
    std::optional<Table> read(const TableOptions& options, const std::string& encoding, bool checkUtf8) {
        const CsvText& text = *m_store->text;
        CsvBuffer buffer;
        const std::string_view head = text.view(m_begin, kHeadBytes, buffer);
        const char delimiter = chosenDelimiter(options.delimiter, head);
        m_table.hasHeader = chosenHeader(options.header, head, delimiter);

        CsvRecords records(text, delimiter);
        records.seek(m_begin, 1);
        std::size_t first = m_begin;
        RecordView record;
        do {
            first = records.offset();
            if (!records.next(record))
                throw Error(ErrorCode::BadInput, m_table.path.string() + " is empty.",
                            "Choose a file with a label and a text a line.");
            if (m_stop.stop_requested()) throw StopRequested{};
        } while (record.isBlank());
        m_store->shape = {.delimiter = delimiter, .columns = record.fieldCount};
        if (checkUtf8 && !isUtf8(record.raw)) return std::nullopt;
        const bool skips = m_table.hasHeader;
        std::optional<CsvTally> tally = indexRecords(text, skips ? records.offset() : first, skips ? records.line() : record.line,
                                                     m_store->shape, {.checkUtf8 = checkUtf8, .stop = m_stop});
        if (!tally) return std::nullopt;
        nameColumns(record);
        if (skips) tally->ends[static_cast<std::size_t>(record.end)] = true;
        m_table.facts = {
            {"encoding", "Encoding", encoding, {}},
            {"delimiter", "Delimiter", delimiter == '\t' ? "tab" : std::string(1, delimiter), delimiterName(delimiter)},
            {"line_ending", "Line ending", lineEnding(tally->ends), {}}};
        take(std::move(*tally));
        m_table.store = std::move(m_store);
        return std::move(m_table);
    }

private:
    void nameColumns(const RecordView& record) {
        const std::string where = fmt::format("{}:{}", m_table.path.string(), record.line);
        if (record.fieldCount > record.fields.size()) {
            throw Error(ErrorCode::BadInput,
                        fmt::format("{}: The first record has {} fields; a table may have {}.", where, record.fieldCount,
                                    +RecordReader::kMostFields),
                        "Check data.delimiter.");
        }
        if (m_table.hasHeader && record.quoteLine > 0)
            throw Error(ErrorCode::BadInput, where + ": A quote in the header is never closed.",
                        "Close it, or set data.header to false.");
        std::set<std::string> seen;
        for (std::size_t i = 0; i < record.fieldCount; ++i) {
            std::string name = m_table.hasHeader ? record.fields[i].text() : std::string();
            if (name.empty()) name = fmt::format("column {}", i);
            if (!seen.insert(name).second) {
                m_issues.add(Severity::Warning, record.line, "columns have another's name", [&] {
                    return "Two columns are named " + inQuotes(name) + ". Name columns by number, or rename one.";
                });
            }
            m_table.header.push_back(std::move(name));
        }
    }

    void take(CsvTally tally) {
        if (tally.rows > kMostRows)
            throw Error(ErrorCode::BadInput, fmt::format("{} has over {} rows.", m_table.path.string(), kMostRows),
                        "Take a part of it.");
        m_table.recordCount = tally.records;
        m_table.rowCount = tally.rows;
        m_store->rowCount = tally.rows;
        m_store->anchors = std::move(tally.anchors);
        m_store->shape.mayHoldNuls = tally.oddCounts[static_cast<std::size_t>(CsvOddity::Nul)] > 0;
        report(tally);
        if (m_table.rowCount == 0) refuseEmpty();
        m_issues.moveTo(m_table.issues);
    }

    struct Kind {
        Severity severity;
        const char* name;
    };
    static constexpr std::array<Kind, 4> kKinds{{{Severity::Warning, "records have text after a closing quote"},
                                                 {Severity::Error, "quotes are never closed"},
                                                 {Severity::Warning, "records have too few or too many fields and were left out"},
                                                 {Severity::Warning, "records hold a NUL byte and were left out"}}};

    void report(const CsvTally& tally) {
        std::array<std::int64_t, kKinds.size()> more = tally.oddCounts;
        for (const CsvOddRecord& record : tally.odd) {
            const Kind& kind = kKinds[static_cast<std::size_t>(record.oddity)];
            m_issues.add(kind.severity, record.line, kind.name, [&] { return message(record); });
            if (record.oddity != CsvOddity::TextAfterQuote && (m_table.leftOutLine == 0 || record.line < m_table.leftOutLine)) {
                m_table.leftOutLine = record.line;
                m_table.leftOutWhy = why(record);
            }
            --more[static_cast<std::size_t>(record.oddity)];
        }
        for (std::size_t i = 0; i < more.size(); ++i) m_issues.count(kKinds[i].severity, kKinds[i].name, more[i]);
    }

    /// It was left out.
    std::string why(const CsvOddRecord& record) const {
        switch (record.oddity) {
        case CsvOddity::TextAfterQuote: break;
        case CsvOddity::UnclosedQuote: return "a quote that is never closed";
        case CsvOddity::WrongFieldCount:
            return fmt::format("{} instead of {}", counted(static_cast<std::int64_t>(record.fieldCount), "field"),
                               m_table.header.size());
        case CsvOddity::Nul: return "a NUL byte";
        }
        return {};
    }

    std::string message(const CsvOddRecord& record) const {
        switch (record.oddity) {
        case CsvOddity::TextAfterQuote:
            return "Text follows a closing quote and was joined to the field. Quotes within a quoted field are written twice.";
        case CsvOddity::UnclosedQuote:
            return "The quote that opens a field here is never closed; everything after it was left out. Close it.";
        case CsvOddity::WrongFieldCount:
            return fmt::format("This record has {} and was left out. A field that holds the delimiter must stand in quotes.",
                               why(record));
        case CsvOddity::Nul: break;
        }
        return "This record holds a NUL byte and was left out.";
    }

    static std::string lineEnding(const std::array<bool, 4>& ends) {
        static constexpr std::array<const char*, 4> kNames{"", "LF", "CRLF", "CR"};
        std::size_t kinds = 0, kind = 1; // a single line without an end counts as LF
        for (std::size_t i = 1; i < kNames.size(); ++i) {
            if (ends[i]) ++kinds, kind = i;
        }
        return kinds > 1 ? "mixed" : kNames[kind];
    }

    [[noreturn]] void refuseEmpty() {
        const std::string name = m_table.path.string();
        if (m_table.recordCount == 0)
            throw Error(ErrorCode::BadInput, name + " has a header but no records.",
                        "If its first line is a record, set data.header to false.");
        m_issues.moveTo(m_table.issues);
        const auto why = std::find_if(m_table.issues.begin(), m_table.issues.end(),
                                      [](const Issue& i) { return i.severity != Severity::Note && i.line > 0; });
        throw Error(ErrorCode::BadInput, fmt::format("No record of {} can be used ({} were read).", name, m_table.recordCount),
                    why == m_table.issues.end() ? std::string() : "The first problem: " + toString(*why));
    }

    Table m_table;
    std::shared_ptr<CsvStore> m_store = std::make_shared<CsvStore>();
    std::size_t m_begin;
    IssueList m_issues;
    std::stop_token m_stop;
};

Table tableOf(std::shared_ptr<const CsvText> text, const TableOptions& options, const std::stop_token& stop) {
    CsvBuffer buffer;
    const std::string_view head = text->view(0, kHeadBytes, buffer);
    const std::string name = text->path().string();
    if (const char* format = foreignFormat(head))
        throw Error(ErrorCode::BadInput, fmt::format("{} is {}, not a CSV.", name, format), "Save or unpack it as CSV.");
    if (const auto mark = utf8Mark(head, text->size(), options.encoding)) {
        if (std::optional<Table> table = TableReader(text, *mark, stop).read(options, "UTF-8", true)) return std::move(*table);
    }
    Decoded decoded = decode(text->view(0, text->size(), buffer), options.encoding, name, stop);
    text = CsvText::take(std::move(decoded.text), text->path(), text->sha256(stop));
    Table table = *TableReader(text, 0, stop).read(options, decoded.encoding, false);
    table.issues.insert(table.issues.begin(), decoded.issues.begin(), decoded.issues.end());
    return table;
}

Table open(const std::filesystem::path& path, const TableOptions& options, std::stop_token stop) {
    return tableOf(CsvText::open(path, stop), options, stop);
}

// Text of any kind; what else is one shows only by its name, or when it is read.
bool recognises(std::string_view head) {
    constexpr std::size_t kLooked = 16;
    return !head.empty() && head.substr(0, kLooked).find('\0') == std::string_view::npos;
}

} // namespace

TableSource csvSource() {
    static constexpr std::array<const char*, 3> kEndings{"csv", "tsv", "txt"};
    return {"csv", "CSV", kEndings, recognises, open};
}

Table parseCsv(std::string_view bytes, const TableOptions& options, const std::filesystem::path& name, std::stop_token stop) {
    return tableOf(CsvText::take(std::string(bytes), name), options, stop);
}

} // namespace engine
