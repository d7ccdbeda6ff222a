// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of experiments share: one without a fault, and what differs or is wrong, as text.
#pragma once
#include "engine/experiment.h"

#include <string>

namespace testing_support {

/// What the engine's Error says; empty when none is thrown.
template <typename Call> std::string problemOf(Call call) {
    try {
        call();
    } catch (const engine::Error& error) { return error.what(); }
    return {};
}

/// A complete experiment without a fault.
inline engine::Experiment sound() {
    engine::Experiment e;
    e.data.csv = "data.csv";
    e.data.labels = {"bad", "good"};
    e.prompt.text_template = "Text: {text}\nLabel: {label}";
    return e;
}

inline std::string differing(const engine::Experiment& a, const engine::Experiment& b) {
    std::string keys;
    for (const engine::Difference& d : engine::diff(a, b)) keys += d.key + " «" + d.left + "» «" + d.right + "» ";
    return keys;
}

} // namespace testing_support
