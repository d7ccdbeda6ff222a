// SPDX-License-Identifier: GPL-3.0-or-later
// Linear layers in NF4, as QLoRA holds them (Dettmers et al. 2023).
#include "engine/model/device/nf4.h"
#include "engine/model/host/nf4.h"
#include "engine/model/loader.h"
#include "engine/model/nf4_cache.h"
#include "engine/model/quantised_layers.h"

#include <ATen/Functions.h>

namespace engine {

namespace {

class LayersInNf4 : public QuantisedLayers {
public:
    LayersInNf4(const WeightReader& reader, const Precision& precision, const std::optional<Keeping>& keeping)
        : m_reader(reader), m_doubleQuant(precision.double_quant) {
        if (keeping) m_kept = Nf4Cache::of(reader, m_doubleQuant, keeping->sink, keeping->stop);
    }

    std::shared_ptr<host::Matrix> onHost(const std::vector<LinearShape>& parts, at::ScalarType type) const override {
        std::vector<Nf4Matrix> all;
        for (const LinearShape& part : parts) all.push_back(matrix(part));
        return std::make_shared<host::Nf4>(std::move(all), type);
    }
    std::shared_ptr<device::Matrix> onDevice(const LinearShape& part, at::ScalarType type, at::Device device) const override {
        return std::make_shared<device::Nf4>(matrix(part), type, device);
    }
    at::Tensor values(const LinearShape& part) const override {
        at::Tensor values = at::empty({part.out, part.in}, at::kFloat);
        dequantizeInto(matrix(part), values);
        return values;
    }

private:
    Nf4Matrix matrix(const LinearShape& part) const {
        return m_kept ? m_kept->matrix(part.name) : m_reader.readNf4(part.name + ".weight", part.out, part.in, m_doubleQuant);
    }

    const WeightReader& m_reader;
    bool m_doubleQuant;
    std::optional<Nf4Cache> m_kept;
};

} // namespace

std::unique_ptr<QuantisedLayers> layersInNf4(const WeightReader& reader, const Precision& precision,
                                             const std::optional<Keeping>& keeping) {
    return std::make_unique<LayersInNf4>(reader, precision, keeping);
}

} // namespace engine
