// SPDX-License-Identifier: GPL-3.0-or-later
// The golden token ids of many tokenizer dialects (tests/engine/data/make_tokenizer_golden.py).
#pragma once
#include <fstream>
#include <nlohmann/json.hpp>

namespace testing_support {

inline const nlohmann::json& tokenizerGolden() {
    static const nlohmann::json json = [] {
        std::ifstream in(PHIBENCH_SOURCE_DIR "/tests/engine/data/tokenizer_golden.json");
        return nlohmann::json::parse(in);
    }();
    return json;
}

} // namespace testing_support
