// SPDX-License-Identifier: GPL-3.0-or-later
// A training as it stands, in a folder "checkpoint-STEP[.N]" that is there whole or not at all: tensors.safetensors (adapter's
// values and the optimiser's moments), state.json, and manifest.json, written last, with every file's size and sha256.
#pragma once
#include "engine/experiment.h"
#include "engine/train/loop.h"

#include <filesystem>
#include <optional>
#include <string>

namespace engine {

/// What must be the same for a training to go on exactly: the settings that decide its numbers, its data and its model.
struct TrainIdentity {
    Params settings; // key and value of those that decide a training
    std::string dataset, model;
    Params recorded; // all that the run recorded when it began; empty for one that begins now
};

/// Writes a checkpoint into `folder`, then removes the older ones there. Gives its path back. Throws Error(Io): the older one is
/// kept.
std::filesystem::path writeCheckpoint(const std::filesystem::path& folder, const TrainState& state, Lora& lora,
                                      const AdamW& optimizer, const TrainIdentity& identity);

/// The newest whole checkpoint in `folder`; `damaged` gets a sentence for each newer one that is not. Empty when there is none.
std::optional<std::filesystem::path> newestCheckpoint(const std::filesystem::path& folder, std::vector<std::string>& damaged);

/// Restores adapter, moments and step count. Throws Error(Io) for a damaged checkpoint, Error(BadInput) for one of another
/// training, naming the settings that differ. A setting that the checkpoint's version did not know was as its field says of
/// `before`.
TrainState readCheckpoint(const std::filesystem::path& checkpoint, Lora& lora, AdamW& optimizer, const TrainIdentity& identity);

/// sha256 of the manifest, which stands for the whole checkpoint.
std::string checkpointSha256(const std::filesystem::path& checkpoint);

} // namespace engine
