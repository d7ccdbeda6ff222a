// SPDX-License-Identifier: GPL-3.0-or-later
// CSV as people have it: RFC 4180 quoting, CR, LF or CRLF, sniffed delimiter, with or without a header.
#pragma once
#include "engine/error.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace engine {

struct CsvOptions {
    std::string header = "auto";
    std::string encoding = "auto";
    std::string delimiter = "auto"; // auto | one character | "tab"
};

struct CsvTable {
    std::filesystem::path path;
    std::vector<std::string> header;             // column names; "column 0", … when the file has none
    std::vector<std::vector<std::string>> rows;  // every row has header.size() fields (ragged ones are reported, not padded: they are left out)
    std::vector<std::int64_t> records;           // 0-based record number of each row (the header is no record)
    std::vector<std::int64_t> lines;             // 1-based line on which each row begins
    std::vector<Issue> issues;
    bool hasHeader = false;
    std::string encoding, delimiter, lineEnding; // "LF", "CRLF", "CR", "mixed"
    std::string sha256;                          // of the file's bytes
    std::int64_t recordCount = 0;                // including those left out
};

/// Throws Error (NotFound, Io, BadInput: empty file, unreadable); what can be read around is an issue with its line.
CsvTable readCsv(const std::filesystem::path& path, const CsvOptions& options = {}, std::stop_token stop = {});
/// The same of text in memory (tests, paste).
CsvTable parseCsv(std::string_view bytes, const CsvOptions& options, const std::filesystem::path& name, std::stop_token stop = {});

} // namespace engine
