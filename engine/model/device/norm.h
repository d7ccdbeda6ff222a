// SPDX-License-Identifier: GPL-3.0-or-later
// A norm on a device.
#pragma once
#include "engine/model/device/adapter.h"
#include "engine/model/device/reader.h"

namespace engine::device {

/// LayerNorm, or RMSNorm without a bias, over the last dimension; in float. Not there when default.
class Norm {
public:
    Norm() = default;
    /// Not there when `name` is empty.
    Norm(const Reader& from, const std::string& name, std::int64_t size);
    explicit operator bool() const { return m_weight.defined(); }
    void bind(Lora* lora, Adapter& adapter, bool fresh);
    /// Of x [..., size], in `type`.
    at::Tensor forward(const at::Tensor& x, at::ScalarType type, bool adapted) const;

private:
    std::string m_name;
    at::Tensor m_weight, m_bias; // [1, size] float; bias undefined: RMSNorm
    double m_eps = 0;
    SlotPointer m_trainedBias;
};

} // namespace engine::device
