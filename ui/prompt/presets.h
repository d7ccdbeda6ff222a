// SPDX-License-Identifier: GPL-3.0-or-later
// Templates to start from.
#pragma once
#include <QString>
#include <string>
#include <vector>

namespace ui {

struct Preset {
    QString name, help, text;
};

/// Instruction first, the article's, bare; some name the labels.
std::vector<Preset> presets(const std::vector<std::string>& labels);
/// What a new experiment begins with: the first preset.
QString defaultTemplate(const std::vector<std::string>& labels = {});

} // namespace ui
