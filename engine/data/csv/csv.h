// SPDX-License-Identifier: GPL-3.0-or-later
// CSV as people have it: RFC 4180 quoting, CR, LF or CRLF, sniffed delimiter, with or without a header.
#pragma once
#include "engine/data/table.h"

#include <filesystem>
#include <stop_token>
#include <string_view>

namespace engine {

/// Its facts: encoding, delimiter, line_ending ("LF", "CRLF", "CR", "mixed").
TableSource csvSource();

/// openTable's work on text in memory (tests, paste).
Table parseCsv(std::string_view bytes, const TableOptions& options, const std::filesystem::path& name, std::stop_token stop = {});

} // namespace engine
