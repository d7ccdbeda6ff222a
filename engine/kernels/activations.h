// SPDX-License-Identifier: GPL-3.0-or-later
// What stands between an MLP's products.
#pragma once
#include "engine/kernels/kernels.h"

namespace engine::kernels {

/// GeluTanh: 0.5 h (1 + tanh(sqrt(2/pi) (h + 0.044715 h^3))); Silu: h / (1 + exp(-h)).
enum class Activation { GeluTanh, Silu };

/// m [rows, width] = f(up) of up [rows, width]; gated: f(gate) * up of [rows, 2 * width] = [gate | up].
void activate(Activation activation, bool gated, Rows up, std::int64_t rows, std::int64_t width, Rows m);
/// `up` is replaced by its gradient.
void activateBackward(Activation activation, bool gated, Rows up, std::int64_t rows, std::int64_t width, Rows dm);

} // namespace engine::kernels
