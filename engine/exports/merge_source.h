// SPDX-License-Identifier: GPL-3.0-or-later
// What a merged export reads: a base, the precision that its adapter was trained on, and the adapter.
#pragma once
#include "engine/architecture/precision.h"
#include "engine/events.h"
#include "engine/experiment.h"
#include "engine/store/runs.h"

#include <filesystem>
#include <stop_token>

namespace engine {

struct MergeSource {
    ModelSpec model; // as the adapter was trained: nf4 merges into the de-quantised weights
    std::filesystem::path adapter;
    /// That the base was held in.
    Precision precision() const {
        return parsePrecision(model.precision, model.compute, model.double_quant, model.compute == "fp16");
    }
};

/// A run's. Throws Error(BadInput) for a run without an adapter, and for a base whose files are no longer those that the run was
/// trained on; StopRequested.
MergeSource mergeSource(const RunDetail& run, const Sink& sink, std::stop_token stop);

/// Throws Error(BadInput) unless a model's files, of this SHA-256, are still those that the run was trained on.
void requireTrainedOn(const RunDetail& run, const std::filesystem::path& model, const std::string& sha256);

/// Throws Error(Io) where the disk of `place` has no room for a model of so many bytes.
void requireRoom(const std::filesystem::path& place, std::uint64_t bytes);

} // namespace engine
