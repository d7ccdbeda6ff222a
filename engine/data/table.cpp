// SPDX-License-Identifier: GPL-3.0-or-later
// The list of sources, and the one that a file is for.
#include "engine/data/table.h"

#include <algorithm>
#include <array>
#include <fstream>

namespace engine {

#define TABLE_SOURCE(name) TableSource name##Source();
#include "engine/data/sources.h"
#undef TABLE_SOURCE

namespace {

// Empty: it cannot be read, of which the source will say more.
std::string headOf(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return {}; // a pipe would wait for whoever writes to it
    std::string head(kTableHead, '\0');
    std::ifstream in(path, std::ios::binary);
    in.read(head.data(), static_cast<std::streamsize>(head.size()));
    head.resize(static_cast<std::size_t>(in.gcount()));
    return head;
}

} // namespace

std::span<const TableSource> tableSources() {
    static const std::array kSources{
#define TABLE_SOURCE(name) name##Source(),
#include "engine/data/sources.h"
#undef TABLE_SOURCE
    };
    return kSources;
}

const TableSource* findSource(std::string_view head) {
    const std::span<const TableSource> sources = tableSources();
    const auto found =
        std::find_if(sources.begin(), sources.end(), [&](const TableSource& source) { return source.recognises(head); });
    return found == sources.end() ? nullptr : &*found;
}

const TableSource& sourceFor(std::string_view head) {
    const TableSource* const source = findSource(head);
    return source ? *source : tableSources().back();
}

Table openTable(const std::filesystem::path& path, const TableOptions& options, std::stop_token stop) {
    return sourceFor(headOf(path)).open(path, options, std::move(stop));
}

void RowBatch::clear() {
    records.clear();
    lines.clear();
    fields.clear();
}

std::string Table::sha256(std::stop_token stop) const {
    return store ? store->sha256(std::move(stop)) : std::string();
}

} // namespace engine
