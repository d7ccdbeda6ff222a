// SPDX-License-Identifier: GPL-3.0-or-later
// How runs are named and their kind and state put in words and icons.
#pragma once
#include "engine/store/runs.h"

#include <QIcon>
#include <QString>

namespace ui {

/// "12 · financial-sentiment-lora", "11 · baseline": the number tells runs of one name apart.
QString runTitle(const engine::RunSummary& run);
QString kindWord(engine::RunKind kind);
QString stateWord(engine::RunState state);
QIcon stateIcon(engine::RunState state);
/// Seconds; of a run under way: until now.
double runDuration(const engine::RunSummary& run);
/// A setting as it was recorded; empty: this run has none of that key.
QString runSetting(const engine::RunSummary& run, const std::string& key);
/// What an Error says, with its hint.
QString problemText(const std::exception& error);

} // namespace ui
