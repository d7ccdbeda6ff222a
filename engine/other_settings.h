// SPDX-License-Identifier: GPL-3.0-or-later
// The settings of another version, for tests of what it makes of this one's runs.
#pragma once
#include "engine/experiment.h"

namespace engine {

/// As long as it lives, these fields and defaults stand in place of experimentFields() and defaultExperiment(). Not while another
/// thread reads them.
class OtherSettings {
public:
    OtherSettings(std::vector<Field> fields, Experiment defaults);
    ~OtherSettings();
    OtherSettings(const OtherSettings&) = delete;
    OtherSettings& operator=(const OtherSettings&) = delete;
};

} // namespace engine
