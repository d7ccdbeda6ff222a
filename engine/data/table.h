// SPDX-License-Identifier: GPL-3.0-or-later
// A table of data and its rows, whatever file they lie in; the kinds of files that can be one.
#pragma once
#include "engine/error.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

/// What a source is told of how to read a file; one that has no use for a setting passes over it.
struct TableOptions {
    std::string header = "auto";
    std::string encoding = "auto";
    std::string delimiter = "auto"; // auto | one character | "tab"
    bool operator==(const TableOptions&) const = default;
};

/// Some rows that follow one another.
struct RowBatch {
    std::vector<std::int64_t> records, lines; // as Rows::record and Rows::line; one a row
    std::vector<std::string_view> fields;     // of the columns asked for, row by row; valid until the Rows are used again
    std::size_t size() const { return records.size(); }
    void clear();
};

/// Stands on a row of a table, or before the first. The table must outlive it. Several may read one table at once. All that reads
/// throws Error(Io) when a large file has changed.
class Rows {
public:
    virtual ~Rows() = default;
    /// Goes to the next row; false: there is none.
    virtual bool next() = 0;
    /// Goes to a row below Table::rowCount.
    virtual void seek(std::size_t row) = 0;
    virtual std::size_t row() const = 0;
    /// Its 0-based record number and the 1-based line on which it begins; both grow with the row.
    virtual std::int64_t record() const = 0;
    virtual std::int64_t line() const = 0;
    /// A field of it; valid until it goes to another row.
    virtual std::string_view field(std::size_t column) = 0;

    /// Goes to the row that begins on this line or is nearest above it; nullopt: none.
    virtual std::optional<std::size_t> findLine(std::int64_t line) = 0;
    /// Goes to the row of this record number; nullopt: none.
    virtual std::optional<std::size_t> findRecord(std::int64_t record) = 0;

    /// For whoever reads all: the rows from `begin` on, one at least and as many before `end` as are at hand. Stands on none
    /// then, before the row that follows them.
    virtual void read(std::size_t begin, std::size_t end, std::span<const std::size_t> columns, RowBatch& batch) = 0;
};

/// Where a table's rows are; each source has its own. May be read by several threads at once.
class RowStore {
public:
    virtual ~RowStore() = default;
    virtual std::unique_ptr<Rows> rows() const = 0;
    /// The first rows, in order, of stretches that take about as long to read as one another, the first of them 0.
    virtual std::vector<std::size_t> stretches() const = 0;
    /// As Table::sha256.
    virtual std::string sha256(std::stop_token stop) const = 0;
};

/// Something that a source tells of its file: "encoding", "Encoding", "UTF-8".
struct TableFact {
    std::string key, title, value; // value: as the setting of this key spells it, where there is one
    std::string shown;             // the same for people; empty: `value`
};

/// What is known of a table; its rows stay where they are.
struct Table {
    std::filesystem::path path;
    std::vector<std::string> header; // column names; "column 0", … when the file has none
    std::vector<Issue> issues;
    bool hasHeader = false;
    std::vector<TableFact> facts;
    std::int64_t recordCount = 0; // including those left out; the header is no record
    std::size_t rowCount = 0;     // records with header.size() fields (ragged ones are reported, not padded: they are left out)
    std::int64_t leftOutLine = 0; // of the first record that is no row; 0: none was left out
    std::string leftOutWhy;       // of the same: "3 fields instead of 2"
    std::size_t bytes = 0;        // of text to read for all rows
    std::shared_ptr<const RowStore> store;

    /// Before the first row. The table must have a store.
    std::unique_ptr<Rows> rows() const { return store->rows(); }
    /// Of the file's bytes; computed when first asked for. Throws Error(Io) when a large file has changed since, StopRequested.
    std::string sha256(std::stop_token stop = {}) const;
};

/// A kind of file that holds a table.
struct TableSource {
    const char* key;                           // "csv": what `check` calls it
    const char* title;                         // "CSV"
    std::span<const char* const> endings;      // "csv", …: of the names of such files
    bool (*recognises)(std::string_view head); // by the first bytes of a file
    Table (*open)(const std::filesystem::path& path, const TableOptions& options, std::stop_token stop); // as openTable
};

/// In the order in which they are asked whether they recognise a file.
std::span<const TableSource> tableSources();
/// How many first bytes of a file are enough to recognise it.
inline constexpr std::size_t kTableHead = 4096;
/// nullptr: no source recognises a file that begins with these bytes.
const TableSource* findSource(std::string_view head);
/// The same, and where none recognises it the last one, which says what it finds.
const TableSource& sourceFor(std::string_view head);

/// By the file's source. Throws Error (NotFound, Io,
/// BadInput: empty file, unreadable), StopRequested; what can be read around is an issue with its line. Of a large file little is
/// held: its rows are read from it again, which must not have changed.
Table openTable(const std::filesystem::path& path, const TableOptions& options = {}, std::stop_token stop = {});

} // namespace engine
