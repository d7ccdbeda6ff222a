// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/quantised_layers.h"

namespace engine {

// quantised/NAME.cpp defines it.
#define QUANTISATION(name, word, title, bytes)                                                                                   \
    std::unique_ptr<QuantisedLayers> layersIn##name(const WeightReader&, const Precision&, const std::optional<Keeping>&);
#include "engine/architecture/quantisations.h"
#undef QUANTISATION

std::unique_ptr<QuantisedLayers> quantisedLayers(const WeightReader& reader, const Precision& precision,
                                                 const std::optional<Keeping>& keeping) {
    switch (precision.held) {
    case Precision::Held::AsComputed: break;
#define QUANTISATION(name, word, title, bytes)                                                                                   \
    case Precision::Held::name: return layersIn##name(reader, precision, keeping);
#include "engine/architecture/quantisations.h"
#undef QUANTISATION
    }
    return nullptr;
}

} // namespace engine
