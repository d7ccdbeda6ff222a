// SPDX-License-Identifier: GPL-3.0-or-later
// The peers' figures of tests/parity/golden (or $PHIBENCH_PARITY_GOLDEN, made afresh by tests/parity/run), and the models they
// are of.
#pragma once
#include "engine/model/decoder.h"
#include "engine/weights/safetensors.h"
#include "tests/support/tiny_model_text.h"

#include <ATen/ATen.h>
#include <QTemporaryDir>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

namespace testing_support {

using Json = nlohmann::json;

inline std::filesystem::path goldenFile(const std::string& name) {
    const char* fresh = std::getenv("PHIBENCH_PARITY_GOLDEN");
    return std::filesystem::path(fresh ? fresh : PHIBENCH_SOURCE_DIR "/tests/parity/golden") / name;
}

inline Json goldenCases(const std::string& name) {
    std::ifstream file(goldenFile(name));
    return Json::parse(file).at("cases");
}

inline at::Tensor goldenTensor(const engine::SafetensorsFile& file, const std::string& name) {
    const engine::TensorView* view = file.find(name);
    if (!view) throw std::runtime_error("no tensor " + name);
    at::Tensor values = at::empty(view->shape, at::kFloat);
    engine::toFloat(*view, values.data_ptr<float>());
    return values;
}

/// The tiny model of a case, with `more` options, computed fast or plainly. Throws when its weights are not those that the peer
/// had.
inline engine::Decoder goldenModel(const Json& golden, const std::filesystem::path& folder, const std::string& more = {},
                                   bool plain = false) {
    const TinyModelOptions options = tinyModelOptions(golden.at("model").get<std::string>() + " " + more);
    double sum = 0;
    for (const TinyTensor& tensor : tinyTensors(options))
        for (const float value : tensor.values) sum += std::abs(static_cast<double>(value));
    if (const double peers = golden.at("fingerprint"); std::abs(sum - peers) > 1e-6 * peers)
        throw std::runtime_error("The tiny model's weights sum up to " + std::to_string(sum) + ", the peer's to " +
                                 std::to_string(peers) + ".");
    std::filesystem::remove_all(folder);
    const std::filesystem::path model = writeTinyModel(folder, options);
    return plain ? engine::Decoder::loadPlain(model, engine::Precision::Fp32, at::kCPU)
                 : engine::Decoder::load(model, engine::Precision::Fp32);
}

/// As fill() of tests/parity/peer.py.
inline void goldenFill(engine::Lora& lora, bool zeroB = false) {
    std::vector<engine::Parameter> all = lora.parameters();
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    for (std::size_t k = 0; k < all.size(); ++k) {
        const std::string& name = all[k].name;
        float* value = all[k].value.data_ptr<float>();
        const bool matrix = name.find(".lora_") != std::string::npos;
        const bool zero = zeroB && name.find(".lora_B.") != std::string::npos;
        for (std::int64_t i = 0; i < all[k].value.numel(); ++i) {
            const auto wave = static_cast<float>(0.1 * std::sin(1.7 * static_cast<double>(i) + 0.3 * static_cast<double>(k)));
            value[i] = zero ? 0.0f : matrix ? wave : value[i] + wave;
        }
    }
    lora.touch();
}

inline std::vector<std::int64_t> allRows(const engine::Pack& pack) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(pack.rows()));
    std::iota(rows.begin(), rows.end(), 0);
    return rows;
}

inline double worstError(const at::Tensor& a, const at::Tensor& b) {
    return at::max(at::abs(a - b)).item<double>();
}

} // namespace testing_support
