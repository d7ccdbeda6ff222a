// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/precision.h"
#include "engine/kernels/nf4.h"

#include <algorithm>
#include <array>

namespace engine {

namespace {

struct Kind {
    Precision::Held held;
    const char *word, *title;
    double (*bytes)(double values, bool doubleQuant);
};
constexpr std::array kKinds{
#define QUANTISATION(name, word, title, bytes) Kind{Precision::Held::name, word, title, bytes},
#include "engine/architecture/quantisations.h"
#undef QUANTISATION
};

const Kind& kindOf(Precision::Held held) {
    return *std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& kind) { return kind.held == held; });
}

bool multipliesBf16Fast() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16") || __builtin_cpu_supports("amx-bf16");
#else
    return false;
#endif
}

Precision::Compute parseCompute(const std::string& text, bool onGpu) {
    if (text == "auto") return onGpu || multipliesBf16Fast() ? Precision::Compute::Bf16 : Precision::Compute::Fp32;
    if (text == "fp32") return Precision::Compute::Fp32;
    if (text == "bf16") return Precision::Compute::Bf16;
    if (text == "fp16" && onGpu) return Precision::Compute::Fp16;
    if (text == "fp16")
        throw Error(ErrorCode::BadInput, "model.compute fp16 needs a GPU, and this run is on the processor.",
                    "Use bf16 or auto.");
    throw Error(ErrorCode::BadInput, "model.compute \"" + text + "\" is not known.", "Use auto, fp32, bf16 or fp16.");
}

} // namespace

double heldBytes(const Precision& precision, double values) {
    if (!precision.isQuantised()) return values * static_cast<double>(precision.bytes());
    return kindOf(precision.held).bytes(values, precision.double_quant);
}

Precision parsePrecision(const std::string& precision, const std::string& compute, bool doubleQuant, bool onGpu) {
    const auto kind = std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& one) { return precision == one.word; });
    if (precision != "auto" && precision != "fp32" && precision != "bf16" && kind == kKinds.end()) {
        std::string words;
        for (const Kind& one : kKinds) words += std::string(&one == &kKinds.back() ? " or " : ", ") + one.word;
        throw Error(ErrorCode::BadInput, "model.precision \"" + precision + "\" is not known.",
                    "Use auto, fp32, bf16" + words + ".");
    }
    Precision result;
    if (kind != kKinds.end()) result.held = kind->held;
    result.double_quant = doubleQuant;
    if (doubleQuant && result.held != Precision::Held::Nf4)
        throw Error(ErrorCode::BadInput, "model.double_quant goes with model.precision nf4, which is " + precision + ".",
                    "Set it to false.");
    result.compute = parseCompute(precision == "auto" || result.isQuantised() ? compute : precision, onGpu);
    if (!result.isQuantised() && parseCompute(compute == "auto" ? toString(result) : compute, onGpu) != result.compute)
        throw Error(ErrorCode::BadInput,
                    "model.compute is " + compute + ", but weights in " + precision + " are computed as they are held.",
                    "Set it to auto.");
    return result;
}

std::string toString(const Precision& precision) {
    if (precision.isQuantised()) return kindOf(precision.held).word;
    switch (precision.compute) {
    case Precision::Compute::Bf16: return "bf16";
    case Precision::Compute::Fp16: return "fp16";
    case Precision::Compute::Fp32: break;
    }
    return "fp32";
}

std::string describe(const Precision& precision) {
    const std::string compute = toString({precision.compute});
    if (!precision.isQuantised()) return compute;
    return std::string(kindOf(precision.held).title) + (precision.double_quant ? " with double quantisation" : "") +
           ", computed in " + compute;
}

} // namespace engine
