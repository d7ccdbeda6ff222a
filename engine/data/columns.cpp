// SPDX-License-Identifier: GPL-3.0-or-later
// Columns by name or number, and by what their values look like.
#include "engine/data/columns.h"

#include "engine/data/dataset.h"
#include "engine/data/table.h"
#include "engine/words/nearest.h"
#include "engine/words/numbers.h"
#include "engine/words/quoting.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fmt/core.h>
#include <functional>
#include <unordered_set>

namespace engine {
namespace {

constexpr std::size_t kSampleRows = 5000;
constexpr std::array kLabelNames{"label", "labels", "sentiment", "class", "category", "target", "topic", "intent", "emotion"};
constexpr std::array kTextNames{"text",  "texts",   "sentence", "sentences", "comment",  "review",
                                "tweet", "message", "body",     "content",   "headline", "question"};

// What a sample of a column's values looks like.
struct Values {
    std::size_t filled = 0, bytes = 0, longest = 0, numbers = 0, wordy = 0;
    std::unordered_set<std::size_t> distinct; // hashes of them
    double meanBytes() const { return filled == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(filled); }

    void add(std::string_view value) {
        if (value.empty()) return;
        ++filled;
        bytes += value.size();
        longest = std::max(longest, value.size());
        numbers += isNumber(value);
        wordy += value.find(' ') != std::string_view::npos;
        distinct.insert(std::hash<std::string_view>()(value));
    }
};

std::vector<Values> look(const Table& table) {
    std::vector<Values> columns(table.header.size());
    const std::unique_ptr<Rows> rows = table.rows();
    const std::size_t step = std::max<std::size_t>(1, table.rowCount / kSampleRows);
    for (std::size_t from = 0; from < table.rowCount; from += step) {
        rows->seek(
            std::min(from + from / step * 2654435761U % step, table.rowCount - 1)); // not in step with labels that take turns
        for (std::size_t column = 0; column < columns.size(); ++column) columns[column].add(rows->field(column));
    }
    return columns;
}

template <class Names> bool isNamed(const Table& table, std::size_t column, const Names& names) {
    if (!table.hasHeader) return false;
    std::string name = table.header[column];
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return std::find(names.begin(), names.end(), name) != names.end();
}

// 0: no text. Longer texts, of several words, under a usual name, are more of one.
double rateText(const Table& table, std::size_t column, const Values& values) {
    if (values.numbers * 2 >= values.filled) return 0;
    const double words = static_cast<double>(values.wordy) / static_cast<double>(values.filled);
    return values.meanBytes() * (0.1 + words) * (isNamed(table, column, kTextNames) ? 4 : 1);
}

// 0: no label. Fewer values, under a usual name, are more of one.
double rateLabel(const Table& table, std::size_t column, const Values& values) {
    constexpr std::size_t kLongestLabel = 100, kMostUnnamed = 100;
    const bool named = isNamed(table, column, kLabelNames);
    const std::size_t most = std::max<std::size_t>(2, named ? values.filled / 2 : std::min(kMostUnnamed, values.filled / 2));
    const std::size_t distinct = values.distinct.size();
    if (distinct < 2 || distinct > most || values.longest > kLongestLabel) return 0;
    return (named ? 1000.0 : 1.0) / static_cast<double>(distinct);
}

} // namespace

std::string namesOfColumns(const Table& table) {
    constexpr std::size_t kMostNamed = 20;
    if (!table.hasHeader) return fmt::format("0 to {}", table.header.size() - 1);
    std::string names;
    for (std::size_t i = 0; i < std::min(table.header.size(), kMostNamed); ++i)
        names += (i == 0 ? "" : ", ") + inQuotes(table.header[i]);
    return table.header.size() > kMostNamed ? names + ", …" : names;
}

int findColumn(const Table& table, const std::string& name, const std::string& key) {
    const std::string file = table.path.string();
    const auto found = std::find(table.header.begin(), table.header.end(), name);
    if (found != table.header.end()) {
        if (std::find(found + 1, table.header.end(), name) != table.header.end())
            throw Error(ErrorCode::BadInput, file + " has more than one column " + inQuotes(name) + ".",
                        "Give " + key + " the column's number, counted from 0.");
        return static_cast<int>(found - table.header.begin());
    }
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool isPlace = !name.empty() && end == name.data() + name.size() && error != std::errc::invalid_argument;
    if (isPlace && error == std::errc() && number < table.header.size()) return static_cast<int>(number);
    if (isPlace) {
        throw Error(ErrorCode::BadInput,
                    fmt::format("{} is {}, but {} has {} columns, counted from 0.", key, name, file, table.header.size()),
                    fmt::format("Its columns are {}.", namesOfColumns(table)));
    }
    if (!table.hasHeader) {
        throw Error(
            ErrorCode::BadInput, fmt::format("{} has no header, so no column {} ({}).", file, inQuotes(name), key),
            fmt::format("Its columns are {}; set data.header to true if its first line names them.", namesOfColumns(table)));
    }
    const auto nearest = std::min_element(table.header.begin(), table.header.end(), [&](const auto& a, const auto& b) {
        return editDistance(a, name) < editDistance(b, name);
    });
    const bool close = editDistance(*nearest, name) <= 2;
    throw Error(ErrorCode::BadInput, fmt::format("{} has no column {} ({}).", file, inQuotes(name), key),
                fmt::format("{}Its columns are {}.", close ? fmt::format("Did you mean {}? ", inQuotes(*nearest)) : "",
                            namesOfColumns(table)));
}

ColumnGuess guessColumns(const Table& table) {
    ColumnGuess guess;
    const std::vector<Values> columns = look(table);
    double bestText = 0, bestLabel = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const double rated = columns[i].filled == 0 ? 0 : rateText(table, i, columns[i]);
        if (rated > bestText) bestText = rated, guess.text = static_cast<int>(i);
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (static_cast<int>(i) == guess.text) continue;
        const double rated = rateLabel(table, i, columns[i]);
        if (rated > bestLabel) bestLabel = rated, guess.label = static_cast<int>(i);
    }
    return guess;
}

} // namespace engine
