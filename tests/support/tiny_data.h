// SPDX-License-Identifier: GPL-3.0-or-later
// Labelled sentences of ours that a tiny model can learn.
#pragma once
#include "engine/experiment.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace testing_support {

/// "negative", "neutral", "positive".
const std::vector<std::string>& tinyLabels();
/// (label, sentence), `perLabel` of each label in a seeded order; no sentence twice.
std::vector<std::pair<std::string, std::string>> tinySentences(int perLabel, std::uint64_t seed = 1);
/// Those as a CSV with the header "label,text". Gives the file back.
std::filesystem::path writeTinyCsv(const std::filesystem::path& file, int perLabel = 60, std::uint64_t seed = 1);
/// An experiment over both that trains in a second or two: fp32, 12 training, 10 test and 4 eval rows a label, 2 epochs.
engine::Experiment tinyExperiment(const std::filesystem::path& model, const std::filesystem::path& csv);

} // namespace testing_support
