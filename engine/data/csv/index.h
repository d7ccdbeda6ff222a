// SPDX-License-Identifier: GPL-3.0-or-later
// Where the rows of a CSV begin, found part by part on every core.
#pragma once
#include "engine/data/csv/text_records.h"
#include "engine/data/issue_list.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

namespace engine {

/// A row from which reading can begin: its place and numbers. Lines count from 1, the others from 0.
struct CsvAnchor {
    std::size_t offset = 0;
    std::int64_t line = 1, record = 0;
    std::size_t row = 0;
};

/// How records are told apart and which of them are rows.
struct CsvShape {
    char delimiter = ',';
    std::size_t columns = 0;
    bool mayHoldNuls = true; // false: no record of as many fields does
    bool isRow(const RecordView& record) const;
};

/// Why a record is worth a remark; all but the first leave it out.
enum class CsvOddity : std::uint8_t { TextAfterQuote, UnclosedQuote, WrongFieldCount, Nul };
struct CsvOddRecord {
    CsvOddity oddity;
    std::int64_t line;
    std::size_t fieldCount;
};

/// What was found in a stretch of text that begins with a record; numbers in it count from that record.
struct CsvTally {
    static constexpr std::size_t kAnchorBytes = 16 << 10; // between two anchors, at least

    std::int64_t lines = 0;   // line ends passed
    std::int64_t records = 0; // with those left out
    std::size_t rows = 0;
    std::array<bool, 4> ends{}; // by LineEnd
    std::vector<CsvAnchor> anchors;
    std::vector<CsvOddRecord> odd; // the first IssueList::kKept of each oddity
    std::array<std::int64_t, 4> oddCounts{};

    /// A record that RecordReader has read; the next one begins on line `nextLine`.
    void add(const RecordView& record, std::size_t offset, std::int64_t nextLine, const CsvShape& shape);
    void addRow(std::size_t offset, std::int64_t line);
    void addOdd(CsvOddity oddity, std::int64_t line, std::size_t fieldCount);
    /// The stretch that follows this one.
    void append(const CsvTally& next);
};

struct CsvIndexOptions {
    std::size_t partBytes = std::size_t{1} << 20;
    bool checkUtf8 = false;
    std::stop_token stop{};
};

/// The text from `begin` on, where a record begins on line `line`. nullopt: options.checkUtf8, and it is not well-formed. Throws
/// as CsvRecords does, and StopRequested.
std::optional<CsvTally> indexRecords(const CsvText& text, std::size_t begin, std::int64_t line, const CsvShape& shape,
                                     const CsvIndexOptions& options);

} // namespace engine
