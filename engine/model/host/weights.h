// SPDX-License-Identifier: GPL-3.0-or-later
// A model's matrices and linear layers, read for the processor.
#pragma once
#include "engine/model/host/linear.h"
#include "engine/model/model_reader.h"

namespace engine::host {

/// The parts, whose rows follow one another, in blocks where the file holds all of them so, or else as numbers.
std::shared_ptr<Matrix> readMatrix(const ModelReader& reader, const std::vector<LinearShape>& parts);
/// The same in whatever the precision holds linear layers in, with their biases.
Linear readLinear(const ModelReader& reader, const LinearParts& parts);

} // namespace engine::host
