// SPDX-License-Identifier: GPL-3.0-or-later
// Bytes to UTF-8 to records to rows; what is odd is an issue with its line.
#include "engine/data/csv.h"

#include "engine/data/encoding.h"
#include "engine/data/issue_list.h"
#include "engine/data/records.h"
#include "engine/data/sniff.h"
#include "engine/sha256.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>

namespace engine {
namespace {

constexpr std::uintmax_t kMostBytes = std::uintmax_t{8} << 30;
constexpr std::int64_t kMostFieldsOfTable = 100'000'000;
constexpr std::int64_t kRecordsBetweenPolls = 10'000;

void stopIfAsked(const std::stop_token& stop) {
    if (stop.stop_requested()) throw StopRequested{};
}

struct Bytes {
    std::unique_ptr<char[]> data;
    std::size_t size = 0;
    std::string sha256;
};

// Read, not mapped: a file that is cut short meanwhile must not end the program.
Bytes readAll(const std::filesystem::path& path, const std::stop_token& stop) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) throw Error(ErrorCode::NotFound, "There is no file " + path.string() + ".", "Check data.csv.");
    if (!std::filesystem::is_regular_file(status)) throw Error(ErrorCode::BadInput, path.string() + " is not a file.", "Choose a CSV file.");
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) throw Error(ErrorCode::Io, "The size of " + path.string() + " cannot be read: " + error.message() + ".");
    if (size > kMostBytes) throw Error(ErrorCode::BadInput, path.string() + " is larger than 8 GiB.", "Take a part of it.");
    std::ifstream file;
    file.rdbuf()->pubsetbuf(nullptr, 0);
    file.open(path, std::ios::binary);
    if (!file) throw Error(ErrorCode::Io, path.string() + " cannot be opened: " + std::strerror(errno) + ".");

    constexpr std::size_t kChunk = 1 << 20;
    Bytes bytes;
    bytes.data = std::make_unique_for_overwrite<char[]>(static_cast<std::size_t>(size));
    Sha256 hash;
    while (bytes.size < size) {
        stopIfAsked(stop);
        char* const at = bytes.data.get() + bytes.size;
        file.read(at, static_cast<std::streamsize>(std::min<std::uintmax_t>(kChunk, size - bytes.size)));
        const auto count = static_cast<std::size_t>(file.gcount());
        hash.update(at, count);
        bytes.size += count;
        if (file.bad()) throw Error(ErrorCode::Io, path.string() + " cannot be read: " + std::strerror(errno) + ".");
        if (file.eof()) break;
    }
    bytes.sha256 = hash.hex();
    return bytes;
}

char chosenDelimiter(const std::string& option, std::string_view text) {
    if (option == "auto") return sniffDelimiter(text);
    if (option == "tab") return '\t';
    const bool usable = option.size() == 1 && static_cast<unsigned char>(option[0]) < 0x80 && option.find_first_of(std::string_view("\"\r\n\0", 4)) == std::string::npos;
    if (usable) return option[0];
    throw Error(ErrorCode::BadInput, "data.delimiter must be auto, tab or one ASCII character that is neither a quote nor a line end, got " + inQuotes(option) + ".");
}

bool chosenHeader(const std::string& option, std::string_view text, char delimiter) {
    if (option == "true" || option == "false") return option == "true";
    if (option != "auto") throw Error(ErrorCode::BadInput, "data.header must be auto, true or false, got " + inQuotes(option) + ".");
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

// Fills a table from its text.
class TableReader {
public:
    TableReader(CsvTable& table, std::string_view text, char delimiter, std::stop_token stop)
        : m_table(table), m_reader(text, delimiter), m_hasNuls(text.find('\0') != std::string_view::npos), m_issues(table.path.string()), m_stop(std::move(stop)) {}

    void read(bool hasHeader) {
        m_table.hasHeader = hasHeader;
        if (!next()) throw Error(ErrorCode::BadInput, m_table.path.string() + " is empty.", "Choose a file with a label and a text a line.");
        nameColumns();
        if (!hasHeader) add();
        while (next()) add();
        m_table.lineEnding = lineEnding();
        if (m_table.rows.empty()) refuseEmpty();
        m_issues.moveTo(m_table.issues);
    }

private:
    bool next() {
        if (!m_reader.next(m_record)) return false;
        ++m_lineEnds[static_cast<std::size_t>(m_record.end)];
        if (m_record.longLine > 0) {
            const std::string where = m_table.path.string() + ":" + std::to_string(m_record.longLine);
            throw Error(ErrorCode::BadInput, where + ": The field that begins here is longer than 64 MiB.", "If a quote opens it, that quote is probably never closed.");
        }
        return true;
    }

    void nameColumns() {
        const std::string where = m_table.path.string() + ":" + std::to_string(m_record.line);
        if (m_record.fieldCount > m_record.fields.size()) {
            throw Error(ErrorCode::BadInput, where + ": The first record has " + std::to_string(m_record.fieldCount) + " fields; a table may have " +
                                                 std::to_string(RecordReader::kMostFields) + ".", "Check data.delimiter.");
        }
        if (m_table.hasHeader && m_record.quoteLine > 0)
            throw Error(ErrorCode::BadInput, where + ": A quote in the header is never closed.", "Close it, or set data.header to false.");
        std::set<std::string> seen;
        for (std::size_t i = 0; i < m_record.fieldCount; ++i) {
            std::string name = m_table.hasHeader ? m_record.fields[i].text() : std::string();
            if (name.empty()) name = "column " + std::to_string(i);
            if (!seen.insert(name).second) {
                m_issues.add(Severity::Warning, m_record.line, "columns have another's name",
                             [&] { return "Two columns are named " + inQuotes(name) + ". Name columns by number, or rename one."; });
            }
            m_table.header.push_back(std::move(name));
        }
    }

    void add() {
        const std::int64_t number = m_table.recordCount++;
        if (m_table.recordCount % kRecordsBetweenPolls == 0) stopIfAsked(m_stop);
        if (isLeftOut()) return;
        const std::size_t columns = m_table.header.size();
        m_fields += static_cast<std::int64_t>(columns) + 1;
        if (m_fields > kMostFieldsOfTable)
            throw Error(ErrorCode::BadInput, m_table.path.string() + " has over " + std::to_string(kMostFieldsOfTable) + " fields.", "Take a part of it.");
        if (m_record.textAfterQuote) {
            m_issues.add(Severity::Warning, m_record.line, "records have text after a closing quote",
                         [] { return "Text follows a closing quote and was joined to the field. Quotes within a quoted field are written twice."; });
        }
        std::vector<std::string>& row = m_table.rows.emplace_back();
        row.reserve(columns);
        for (const FieldView& field : m_record.fields) {
            if (field.joined) row.push_back(field.text());
            else row.emplace_back(field.raw);
        }
        m_table.records.push_back(number);
        m_table.lines.push_back(m_record.line);
    }

    bool isLeftOut() {
        if (m_record.quoteLine > 0) {
            m_issues.add(Severity::Error, m_record.quoteLine, "quotes are never closed",
                         [] { return "The quote that opens a field here is never closed; everything after it was left out. Close it."; });
            return true;
        }
        if (m_record.fieldCount != m_table.header.size()) {
            m_issues.add(Severity::Warning, m_record.line, "records have too few or too many fields and were left out", [&] {
                const std::size_t count = m_record.fieldCount;
                return "This record has " + std::to_string(count) + (count == 1 ? " field" : " fields") + " instead of " + std::to_string(m_table.header.size()) +
                       " and was left out. A field that holds the delimiter must stand in quotes.";
            });
            return true;
        }
        if (m_hasNuls && m_record.raw.find('\0') != std::string_view::npos) {
            m_issues.add(Severity::Warning, m_record.line, "records hold a NUL byte and were left out", [] { return "This record holds a NUL byte and was left out."; });
            return true;
        }
        return false;
    }

    std::string lineEnding() const {
        static constexpr std::array<const char*, 4> kNames{"", "LF", "CRLF", "CR"};
        std::size_t kinds = 0, kind = 1; // a single line without an end counts as LF
        for (std::size_t i = 1; i < kNames.size(); ++i) {
            if (m_lineEnds[i] > 0) ++kinds, kind = i;
        }
        return kinds > 1 ? "mixed" : kNames[kind];
    }

    [[noreturn]] void refuseEmpty() {
        const std::string name = m_table.path.string();
        if (m_table.recordCount == 0)
            throw Error(ErrorCode::BadInput, name + " has a header but no records.", "If its first line is a record, set data.header to false.");
        m_issues.moveTo(m_table.issues);
        const auto why = std::find_if(m_table.issues.begin(), m_table.issues.end(), [](const Issue& i) { return i.severity != Severity::Note && i.line > 0; });
        throw Error(ErrorCode::BadInput, "No record of " + name + " can be used (" + std::to_string(m_table.recordCount) + " were read).",
                    why == m_table.issues.end() ? std::string() : "The first problem: " + toString(*why));
    }

    CsvTable& m_table;
    RecordReader m_reader;
    RecordView m_record;
    bool m_hasNuls;
    IssueList m_issues;
    std::stop_token m_stop;
    std::int64_t m_fields = 0;
    std::array<std::int64_t, 4> m_lineEnds{};
};

CsvTable parse(std::string_view bytes, const CsvOptions& options, const std::filesystem::path& name, const std::stop_token& stop) {
    if (const char* format = foreignFormat(bytes)) throw Error(ErrorCode::BadInput, name.string() + " is " + format + ", not a CSV.", "Save or unpack it as CSV.");
    CsvTable table;
    table.path = name;
    table.encoding = "UTF-8";
    Decoded decoded;
    std::string_view text;
    if (const auto utf8 = asUtf8(bytes, options.encoding)) {
        text = *utf8;
    } else {
        decoded = decode(bytes, options.encoding, name.string(), stop);
        text = decoded.text;
        table.encoding = decoded.encoding;
        table.issues = std::move(decoded.issues);
    }
    const char delimiter = chosenDelimiter(options.delimiter, text);
    table.delimiter = delimiter == '\t' ? "tab" : std::string(1, delimiter);
    TableReader(table, text, delimiter, stop).read(chosenHeader(options.header, text, delimiter));
    return table;
}

} // namespace

CsvTable readCsv(const std::filesystem::path& path, const CsvOptions& options, std::stop_token stop) {
    const Bytes bytes = readAll(path, stop);
    CsvTable table = parse({bytes.data.get(), bytes.size}, options, path, stop);
    table.sha256 = bytes.sha256;
    return table;
}

CsvTable parseCsv(std::string_view bytes, const CsvOptions& options, const std::filesystem::path& name, std::stop_token stop) {
    CsvTable table = parse(bytes, options, name, stop);
    table.sha256 = sha256(bytes);
    return table;
}

} // namespace engine
