// SPDX-License-Identifier: GPL-3.0-or-later
// Which device computes.
#pragma once
#include <c10/core/Device.h>
#include <string>

namespace engine {

/// model.device: cpu; cuda; auto: cuda where libtorch has it and a GPU is there, else cpu. libtorch's half for GPUs is loaded
/// here, on the first call that asks for one: the program is not linked to it. Throws Error(BadInput) when there is none to be
/// had.
at::Device chooseDevice(const std::string& wanted);
/// GPUs that libtorch can compute on.
int gpuCount();

} // namespace engine
