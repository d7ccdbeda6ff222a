// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/weights.h"
#include "engine/model/compute_type.h"
#include "engine/model/host/blocks.h"
#include "engine/model/host/dense.h"

#include <ATen/Functions.h>

namespace engine::host {

namespace {

/// Matrices that read the same input become one below this size; larger ones stay where they lie, which may be a mapped file.
constexpr std::int64_t kJoinedValues = 2'000'000;

} // namespace

std::shared_ptr<Matrix> readMatrix(const ModelReader& reader, const std::vector<LinearShape>& parts) {
    const at::ScalarType type = computeType(reader.precision());
    std::vector<BlockMatrix> held;
    for (const LinearShape& part : parts)
        if (std::optional<BlockMatrix> found = reader.weights().readBlocks(part.name + ".weight", part.out, part.in))
            held.push_back(std::move(*found));
    if (held.size() == parts.size()) return std::make_shared<Blocks>(std::move(held), type);
    std::vector<at::Tensor> dense;
    for (const LinearShape& part : parts)
        dense.push_back(reader.weights().read(part.name + ".weight", {part.out, part.in}, type));
    if (parts.size() > 1 && parts.front().in * parts.front().out < kJoinedValues) dense = {at::cat(dense, 0)};
    return std::make_shared<Dense>(std::move(dense));
}

Linear readLinear(const ModelReader& reader, const LinearParts& linear) {
    const QuantisedLayers* quantised = reader.quantised();
    return Linear(linear.parts,
                  quantised ? quantised->onHost(linear.parts, computeType(reader.precision())) : readMatrix(reader, linear.parts),
                  reader.bias(linear));
}

} // namespace engine::host
