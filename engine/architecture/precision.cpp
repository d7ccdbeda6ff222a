// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/precision.h"

namespace engine {

namespace {

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

Precision parsePrecision(const std::string& precision, const std::string& compute, bool doubleQuant, bool onGpu) {
    if (precision != "auto" && precision != "fp32" && precision != "bf16" && precision != "nf4")
        throw Error(ErrorCode::BadInput, "model.precision \"" + precision + "\" is not known.", "Use auto, fp32, bf16 or nf4.");
    Precision result;
    result.nf4 = precision == "nf4";
    result.double_quant = doubleQuant;
    if (doubleQuant && !result.nf4)
        throw Error(ErrorCode::BadInput, "model.double_quant goes with model.precision nf4, which is " + precision + ".",
                    "Set it to false.");
    result.compute = parseCompute(precision == "auto" || result.nf4 ? compute : precision, onGpu);
    if (!result.nf4 && parseCompute(compute == "auto" ? toString(result) : compute, onGpu) != result.compute)
        throw Error(ErrorCode::BadInput,
                    "model.compute is " + compute + ", but weights in " + precision + " are computed as they are held.",
                    "Set it to auto.");
    return result;
}

std::string toString(const Precision& precision) {
    if (precision.nf4) return "nf4";
    switch (precision.compute) {
    case Precision::Compute::Bf16: return "bf16";
    case Precision::Compute::Fp16: return "fp16";
    case Precision::Compute::Fp32: break;
    }
    return "fp32";
}

} // namespace engine
