// SPDX-License-Identifier: GPL-3.0-or-later
// How a model's weights are held and what products are computed in. No torch here.
#pragma once
#include "engine/error.h"

#include <cstdint>
#include <string>

namespace engine {

struct Precision {
    enum class Compute { Fp32, Bf16, Fp16 };
    /// What linear layers are held in. Head, embedding and norms are held as they are computed with.
    enum class Held {
        AsComputed,
#define QUANTISATION(name, word, title, bytes) name,
#include "engine/architecture/quantisations.h"
#undef QUANTISATION
    };
    Compute compute = Compute::Fp32;
    Held held = Held::AsComputed;
    bool double_quant = false; // of NF4's scales

    static const Precision Fp32, Bf16;
    /// Of a number as it is computed with.
    std::int64_t bytes() const { return compute == Compute::Fp32 ? 4 : 2; }
    bool isQuantised() const { return held != Held::AsComputed; }
    bool operator==(const Precision&) const = default;
};
inline constexpr Precision Precision::Fp32{};
inline constexpr Precision Precision::Bf16{Precision::Compute::Bf16};

/// Bytes that linear layers of so many values take.
double heldBytes(const Precision& precision, double values);

/// precision: auto | fp32 | bf16 | a quantisation's word; compute: auto | fp32 | bf16 | fp16 (on a GPU). "auto" is bf16 on a GPU
/// and where the CPU multiplies it fast, else fp32. Throws Error(BadInput) for others and for contradictions.
Precision parsePrecision(const std::string& precision, const std::string& compute = "auto", bool doubleQuant = false,
                         bool onGpu = false);
/// "fp32", "bf16", "fp16", "nf4".
std::string toString(const Precision& precision);
/// "bf16"; "NF4 with double quantisation, computed in bf16".
std::string describe(const Precision& precision);

/// Whether linear layers of so many bytes are laid out for batches, which may take another copy where gradients are wanted: large
/// products gain little by it.
inline bool packsForBatches(const Precision& precision, std::int64_t bytes) {
    return precision.compute == Precision::Compute::Bf16 && !precision.isQuantised() && bytes <= (std::int64_t{1} << 30);
}

} // namespace engine
