// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a CSV under any settings, to examples and their split: an Error at worst, and tables keep what csv.h promises.
#include "engine/data/csv/csv.h"
#include "engine/data/dataset.h"
#include "engine/data/split.h"
#include "engine/words/utf8.h"

#include <array>
#include <cstdlib>

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void check(const engine::Table& table) {
    require(!table.header.empty() && table.rowCount > 0);
    std::int64_t record = -1, line = 0;
    std::size_t rows = 0;
    for (const auto row = table.rows(); row->next(); ++rows) {
        require(row->record() > record && row->record() < table.recordCount && row->line() > line);
        record = row->record();
        line = row->line();
        for (std::size_t i = 0; i < table.header.size(); ++i) require(engine::isUtf8(row->field(i)));
    }
    require(rows == table.rowCount);
    for (const engine::Issue& issue : table.issues) require(engine::isUtf8(issue.message));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static constexpr std::array<const char*, 8> kEncodings{"auto",         "UTF-8",     "UTF-16",  "ISO-8859-1",
                                                           "windows-1252", "Shift_JIS", "GB18030", "UTF-7"};
    static constexpr std::array<const char*, 6> kDelimiters{"auto", ",", ";", "tab", "|", " "};
    static constexpr std::array<const char*, 3> kHeaders{"auto", "true", "false"};
    if (size < 2) return 0;
    const engine::TableOptions options{kHeaders[data[0] % 3], kEncodings[data[0] / 3 % 8], kDelimiters[data[1] % 6]};
    engine::DataSpec spec;
    if (data[1] & 0x80) spec.label = "0", spec.text = "1";
    try {
        const engine::Table table = engine::parseCsv({reinterpret_cast<const char*>(data) + 2, size - 2}, options, "fuzz.csv");
        check(table);
        const engine::Dataset dataset = engine::makeDataset(table, spec);
        require(dataset.labels.size() == dataset.counts.size() && !dataset.examples.empty());
        for (const engine::Issue& issue : dataset.issues) require(engine::isUtf8(issue.message));
        (void)engine::split(
            dataset, {.train_per_label = 1, .test_per_label = 1, .eval_per_label = 1, .seed = data[0], .shuffle_seed = data[1]});
    } catch (const engine::Error& error) { require(engine::isUtf8(error.what())); }
    return 0;
}
