// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/tiny_model.h"

#include "engine/kernels/bfloat16.h"
#include "engine/weights/safetensors.h"

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace testing_support {
namespace {

using Json = nlohmann::ordered_json;

void write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
}

std::vector<std::byte> bytesOf(const TinyTensor& tensor, engine::DType type) {
    const std::size_t count = tensor.values.size();
    if (type == engine::DType::F32) {
        std::vector<std::byte> bytes(count * 4);
        std::memcpy(bytes.data(), tensor.values.data(), bytes.size());
        return bytes;
    }
    std::vector<std::byte> bytes(count * 2);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint16_t half = engine::toBf16(tensor.values[i]);
        std::memcpy(bytes.data() + 2 * i, &half, 2);
    }
    return bytes;
}

} // namespace

std::filesystem::path writeTinyModel(const std::filesystem::path& folder, const TinyModelOptions& options) {
    std::filesystem::create_directories(folder);
    write(folder / "config.json", tinyConfig(options));
    writeTinyTokenizer(folder, options.dialect == ConfigDialect::Transformers5);
    const std::vector<TinyTensor> tensors = tinyTensors(options);
    std::vector<std::vector<std::byte>> bytes;
    std::vector<engine::TensorView> views;
    for (const TinyTensor& tensor : tensors) {
        bytes.push_back(bytesOf(tensor, options.type));
        views.push_back({tensor.name, options.type, tensor.shape, bytes.back()});
    }
    const std::map<std::string, std::string> metadata{{"format", "pt"}};
    if (options.shards <= 1) {
        engine::writeSafetensors(folder / "model.safetensors", views, metadata);
        return folder;
    }
    Json map = Json::object();
    std::size_t total = 0;
    const auto shards = static_cast<std::size_t>(options.shards);
    for (std::size_t shard = 0; shard < shards; ++shard) {
        char name[64];
        std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", shard + 1, shards);
        std::vector<engine::TensorView> part;
        for (std::size_t i = views.size() * shard / shards; i < views.size() * (shard + 1) / shards; ++i) {
            part.push_back(views[i]);
            map[views[i].name] = name;
            total += views[i].bytes.size();
        }
        engine::writeSafetensors(folder / name, part, metadata);
    }
    const Json index{{"metadata", {{"total_size", total}}}, {"weight_map", map}};
    write(folder / "model.safetensors.index.json", index.dump(2) + '\n');
    return folder;
}

} // namespace testing_support
