// SPDX-License-Identifier: GPL-3.0-or-later
// Norms and frozen linear layers on a device, with their adapters.
#pragma once
#include "engine/model/device_adapter.h"
#include "engine/model/device_weight.h"
#include "engine/model/dropout_masks.h"
#include "engine/model/model_reader.h"

namespace engine {

/// Reads weights onto a device.
struct DeviceReader {
    const ModelReader& reader;
    at::ScalarType type;
    at::Device device;

    at::Tensor matrix(const LinearShape& shape) const;
    /// [1, size] float.
    at::Tensor vector(const std::string& name, std::int64_t size) const;
};

/// LayerNorm, or RMSNorm without a bias; in float.
class DeviceNorm {
public:
    DeviceNorm() = default;
    DeviceNorm(const DeviceReader& from, const std::string& name);
    void bind(Lora* lora, DeviceAdapter& adapter, bool fresh);
    /// [N, H] in `type` of x [N, H] float.
    at::Tensor forward(const at::Tensor& x, double eps, at::ScalarType type, bool adapted) const;

private:
    std::string m_name;
    at::Tensor m_weight, m_bias; // [1, H] float; bias undefined: RMSNorm
    SlotPointer m_trainedBias;
};

/// As Linear: parts that read the same input, their A below each other and their B side by side.
class DeviceLinear {
public:
    DeviceLinear() = default;
    DeviceLinear(const DeviceReader& from, const LinearParts& parts);
    void bind(Lora* lora, DeviceAdapter& adapter, bool fresh);
    std::int64_t byteCount() const;
    /// [N, out] of x [N, in]; the adapter reads what `mask` leaves of x.
    at::Tensor forward(const at::Tensor& x, bool adapted, const kernels::Mask& mask) const;

private:
    std::vector<LinearShape> m_parts;
    std::vector<DeviceWeight> m_weights; // one a part, or all parts in one
    at::Tensor m_bias;                   // [1, out] float or undefined
    at::TensorOptions m_options;         // of what goes in and comes out
    SlotPointer m_down, m_up, m_trainedBias;
};

} // namespace engine
