// SPDX-License-Identifier: GPL-3.0-or-later
// The checks of models, weights and adapters. What makes a file unusable is thrown; the rest is added to the issues.
#pragma once
#include "engine/check.h"

namespace engine {

void checkModelFolder(CheckResult& result);
void checkGguf(CheckResult& result);
void checkSafetensors(CheckResult& result);
void checkAdapter(CheckResult& result);
void addProblem(CheckResult& result, const Error& error);

} // namespace engine
