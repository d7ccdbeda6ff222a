// SPDX-License-Identifier: GPL-3.0-or-later
// CSV as people have it: RFC 4180 quoting, CR, LF or CRLF, sniffed delimiter, with or without a header.
#pragma once
#include "engine/data/csv_index.h"
#include "engine/error.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

struct CsvOptions {
    std::string header = "auto";
    std::string encoding = "auto";
    std::string delimiter = "auto"; // auto | one character | "tab"
};

/// What is known of a CSV, and where its rows are: CsvRows reads them.
struct CsvTable {
    std::filesystem::path path;
    std::vector<std::string> header; // column names; "column 0", … when the file has none
    std::vector<Issue> issues;
    bool hasHeader = false;
    std::string encoding, delimiter, lineEnding; // "LF", "CRLF", "CR", "mixed"
    std::int64_t recordCount = 0;                // including those left out; the header is no record
    std::size_t rowCount = 0; // records with header.size() fields (ragged ones are reported, not padded: they are left out)

    /// Of the file's bytes; computed when first asked for. Throws Error(Io) when a large file has changed since, StopRequested.
    std::string sha256(std::stop_token stop = {}) const;

    // For CsvRows.
    std::shared_ptr<const CsvText> text; // the file's or, in another encoding than UTF-8, what it was converted to
    CsvShape shape;
    std::vector<CsvAnchor> anchors; // some rows, the first among them
};

/// Throws Error (NotFound, Io, BadInput: empty file, unreadable); what can be read around is an issue with its line. Of a large
/// file little is held: its rows are read from it again, which must not have changed.
CsvTable readCsv(const std::filesystem::path& path, const CsvOptions& options = {}, std::stop_token stop = {});
/// The same of text in memory (tests, paste).
CsvTable parseCsv(std::string_view bytes, const CsvOptions& options, const std::filesystem::path& name,
                  std::stop_token stop = {});

} // namespace engine
