// SPDX-License-Identifier: GPL-3.0-or-later
// Sound models' and adapters' files, changed so that they must be refused.
#pragma once
#include "engine/weights/safetensors.h"
#include "tests/support/file_bytes.h"

#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace testing_support {

namespace fs = std::filesystem;
using engine::DType;
using engine::TensorView;
using Json = nlohmann::ordered_json;

inline Json readJson(const fs::path& file) {
    return Json::parse(bytesOf(file));
}

/// A file's tensors in memory, to be changed and written again.
struct Tensors {
    struct One {
        DType type;
        std::vector<std::int64_t> shape;
        std::string bytes;
    };
    std::map<std::string, One> all;

    static Tensors of(const fs::path& file) {
        Tensors tensors;
        const engine::SafetensorsFile read(file);
        for (const TensorView& view : read.tensors())
            tensors.all[view.name] = {view.type, view.shape,
                                      std::string(reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size())};
        return tensors;
    }
    void write(const fs::path& file) const {
        std::vector<TensorView> views;
        for (const auto& [name, one] : all) views.push_back({name, one.type, one.shape, std::as_bytes(std::span(one.bytes))});
        fs::remove(file);
        engine::writeSafetensors(file, views, {{"format", "pt"}});
    }
    void set(const std::string& name, std::size_t element, float value) {
        One& one = all.at(name);
        std::uint32_t bits = 0;
        std::memcpy(&bits, &value, 4);
        if (one.type == DType::F32)
            std::memcpy(one.bytes.data() + 4 * element, &bits, 4);
        else
            std::memcpy(one.bytes.data() + 2 * element, reinterpret_cast<char*>(&bits) + 2, 2);
    }
    void shape(const std::string& name, std::vector<std::int64_t> shape) {
        One& one = all.at(name);
        std::int64_t count = 1;
        for (std::int64_t size : shape) count *= size;
        one.bytes.assign(static_cast<std::size_t>(count) * byteSize(one.type, 1), '\0');
        one.shape = std::move(shape);
    }
    void rename(const std::string& from, const std::string& to) {
        all[to] = all.at(from);
        all.erase(from);
    }
};

using Change = std::function<void(const fs::path&)>;

inline Change config(const std::function<void(Json&)>& change) {
    return [change](const fs::path& folder) {
        Json json = readJson(folder / "config.json");
        change(json);
        put(folder / "config.json", json.dump());
    };
}
inline Change weights(const std::function<void(Tensors&)>& change) {
    return [change](const fs::path& folder) {
        Tensors tensors = Tensors::of(folder / "model.safetensors");
        change(tensors);
        tensors.write(folder / "model.safetensors");
    };
}
inline constexpr const char* kLfsPointer =
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 269060552\n";
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

} // namespace testing_support
