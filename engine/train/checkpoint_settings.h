// SPDX-License-Identifier: GPL-3.0-or-later
// Which settings a checkpoint belongs to, over versions that know others.
#pragma once
#include "engine/experiment.h"

#include <string>

namespace engine {

/// The settings that decide a training, key and value.
Params trainingSettings(const Experiment& experiment);

/// "belongs to a training with other settings: lora.r (8, now 16)", or that a newer version wrote it, of the settings that a
/// checkpoint of format 2 keeps against those of a training now; empty where they agree. Of two versions' lists each counts what
/// it says of `before` for what the other lacks.
std::string differenceOfSettings(const Params& kept, const Params& now);

/// The sum that a checkpoint of format 1 (version 0.1) keeps in place of its settings, from what its run recorded.
std::string fingerprintOfFormat1(const Params& recorded);

} // namespace engine
