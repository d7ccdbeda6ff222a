// SPDX-License-Identifier: GPL-3.0-or-later
// A model's linear layers in fewer bits. quantised/ has a file for each way.
#pragma once
#include "engine/architecture/precision.h"
#include "engine/architecture/targets.h"
#include "engine/events.h"

#include <ATen/core/Tensor.h>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

namespace engine {

class WeightReader;
namespace host {
class Matrix;
}
namespace device {
class Matrix;
}

class QuantisedLayers {
public:
    virtual ~QuantisedLayers() = default;
    /// Layers of one input, whose rows follow one another, as one matrix of the processor's.
    virtual std::shared_ptr<host::Matrix> onHost(const std::vector<LinearShape>& parts, at::ScalarType type) const = 0;
    virtual std::shared_ptr<device::Matrix> onDevice(const LinearShape& part, at::ScalarType type, at::Device device) const = 0;
    /// What is computed with: the layer's values [out, in], float, quantised and expanded again.
    virtual at::Tensor values(const LinearShape& part) const = 0;
};

/// Large models are quantised once, and the outcome is kept in a file; `sink` is told.
struct Keeping {
    const Sink& sink;
    std::stop_token stop;
};

/// Null where the precision holds layers as they are computed with. `reader` outlives it. Throws Error naming file and tensor,
/// StopRequested.
std::unique_ptr<QuantisedLayers> quantisedLayers(const WeightReader& reader, const Precision& precision,
                                                 const std::optional<Keeping>& keeping);

} // namespace engine
