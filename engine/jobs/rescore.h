// SPDX-License-Identifier: GPL-3.0-or-later
// A model that was written, beside the adapter and base that it was made from.
#pragma once
#include "engine/events.h"
#include "engine/experiment.h"
#include "engine/exports.h"

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace engine {

struct Rescored {
    std::int64_t rows = 0, equal = 0;    // equal: the likeliest label is the same
    double largestChange = 0;            // of a label's probability
    double before = 0, after = 0;        // accuracy: adapter on base, and the written model
    std::vector<std::int64_t> different; // records with another label, whose two likeliest lay more than kClear apart
    static constexpr double kClear = 0.1, kMostAccuracyLost = 0.1;
};

/// Scores up to 200 rows of the experiment's test split, evenly spread, with `adapter` on the experiment's model and with the
/// model at `written`, each with its own tokenizer; one of them in memory at a time. Throws DataGone where the experiment's data
/// cannot be read any more; Error; StopRequested.
Rescored rescore(const Experiment& experiment, const std::filesystem::path& adapter, const std::filesystem::path& written,
                 const Sink& sink, std::stop_token stop);

/// In what the written model is not what it should be: a sentence; empty: in nothing.
std::string disagreement(const Rescored& found, Fidelity fidelity);

/// Why nothing could be scored again.
class DataGone : public Error {
    using Error::Error;
};

} // namespace engine
