// SPDX-License-Identifier: GPL-3.0-or-later
// The tensor type that a precision computes in.
#pragma once
#include "engine/architecture/precision.h"

#include <c10/core/ScalarType.h>

namespace engine {

inline at::ScalarType computeType(const Precision& precision) {
    switch (precision.compute) {
    case Precision::Compute::Bf16: return at::kBFloat16;
    case Precision::Compute::Fp16: return at::kHalf;
    case Precision::Compute::Fp32: break;
    }
    return at::kFloat;
}

} // namespace engine
