// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/model_hash.h"
#include "engine/error.h"
#include "engine/files/json_file.h"
#include "engine/files/new_file.h"
#include "engine/files/sha256.h"
#include "engine/weights/hub.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

namespace engine {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::int64_t kRemembered = 32 << 20; // bytes: smaller files are summed in no time

std::string hashed(const fs::path& file, std::stop_token stop) {
    std::ifstream in(file, std::ios::binary);
    if (!in) throw Error(ErrorCode::NotFound, file.string() + " cannot be read.");
    Sha256 sum;
    std::vector<char> buffer(4 << 20);
    while (in) {
        if (stop.stop_requested()) throw StopRequested{};
        in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        sum.update(buffer.data(), static_cast<std::size_t>(in.gcount()));
    }
    if (in.bad()) throw Error(ErrorCode::Io, file.string() + " cannot be read to its end.");
    return sum.hex();
}

std::vector<fs::path> filesOf(const fs::path& model) {
    if (!fs::is_directory(model)) return {model};
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(model))
        if (entry.path().filename() == "config.json" || entry.path().extension() == ".safetensors") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

/// Sums known so far; a cache that is damaged is merely empty.
Json known(const fs::path& cache) {
    try {
        return readJsonObject(cache, 1 << 20);
    } catch (const Error&) { return Json::object(); }
}

} // namespace

std::string modelSha256(const fs::path& model, std::stop_token stop) {
    const fs::path canonical = fs::canonical(model);
    const fs::path cache = derivedCache() / "model-sums.json";
    Json sums = known(cache);
    bool changed = false;
    const auto sumOf = [&](const fs::path& file) {
        const auto size = static_cast<std::int64_t>(fs::file_size(file));
        if (size < kRemembered) return hashed(file, stop);
        const std::string key = fs::canonical(file).string();
        const auto time = static_cast<std::int64_t>(fs::last_write_time(file).time_since_epoch().count());
        if (const auto entry = sums.find(key); entry != sums.end() && entry->is_object() &&
                                               entry->value("bytes", Json()) == size && entry->value("changed", Json()) == time &&
                                               entry->contains("sha256") && (*entry)["sha256"].is_string())
            return (*entry)["sha256"].get<std::string>();
        const std::string sum = hashed(file, stop);
        sums[key] = {{"bytes", size}, {"changed", time}, {"sha256", sum}};
        changed = true;
        return sum;
    };
    std::string result;
    if (!fs::is_directory(canonical)) {
        result = sumOf(canonical);
    } else {
        Sha256 all;
        for (const fs::path& file : filesOf(canonical)) {
            const std::string line = file.filename().string() + " " + sumOf(file) + "\n";
            all.update(line.data(), line.size());
        }
        result = all.hex();
    }
    if (changed) {
        try {
            std::error_code ignored;
            fs::create_directories(cache.parent_path(), ignored);
            NewFile out(cache);
            out.write(sums.dump(1) + "\n");
            out.commit();
        } catch (const Error&) {
            // Only time is lost: the next run computes the sum again.
        }
    }
    return result;
}

} // namespace engine
