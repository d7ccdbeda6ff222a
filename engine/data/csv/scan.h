// SPDX-License-Identifier: GPL-3.0-or-later
// The records of a part of a CSV, 64 bytes at a step.
#pragma once
#include "engine/data/csv/index.h"

#include <cstddef>
#include <string_view>

namespace engine {

/// Where the first record begins that begins after a line end of `part`, guessed from its quotes; npos: none. A part may begin
/// within quotes.
std::size_t guessFirstRecord(std::string_view part, char delimiter);

/// Tallies the records of `part`, which begins with one and lies at `offset` of its file, as RecordReader reads them. Returns
/// where the first one begins that does not end within the part; CsvText::kBeyond bytes after it may be read.
std::size_t scanRecords(std::string_view part, std::size_t offset, const CsvShape& shape, CsvTally& tally);

} // namespace engine
