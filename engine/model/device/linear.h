// SPDX-License-Identifier: GPL-3.0-or-later
// A frozen linear layer on a device, or several that read the same input, with their adapters.
#pragma once
#include "engine/model/device/adapter.h"
#include "engine/model/device/matrix.h"
#include "engine/model/device/reader.h"
#include "engine/model/dropout_masks.h"

namespace engine::device {

/// As host::Linear: parts that read the same input, their A below each other and their B side by side.
class Linear {
public:
    Linear() = default;
    Linear(const Reader& from, const LinearParts& parts);
    void bind(Lora* lora, Adapter& adapter, bool fresh);
    std::int64_t byteCount() const;
    /// [N, out] of x [N, in]; the adapter reads what `mask` leaves of x.
    at::Tensor forward(const at::Tensor& x, bool adapted, const kernels::Mask& mask) const;

private:
    std::vector<LinearShape> m_parts;
    std::vector<std::shared_ptr<Matrix>> m_weights; // one a part, or all parts in one
    at::Tensor m_bias;                              // [1, out] float or undefined
    at::TensorOptions m_options;                    // of what goes in and comes out
    SlotPointer m_down, m_up, m_trainedBias;
};

} // namespace engine::device
