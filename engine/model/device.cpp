// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device.h"
#include "engine/error.h"

#include <ATen/Context.h>
#include <dlfcn.h>

namespace engine {

namespace {

/// Why nothing can be computed by CUDA; empty: it can, if there is a GPU. Loading it registers its kernels, which must precede any other question
/// about GPUs. It is large: where there is no driver it is left alone.
const std::string& lackOfCuda() {
    static const std::string why = []() -> std::string {
        if (!dlopen("libcuda.so.1", RTLD_LAZY)) return "this machine has no driver for an NVIDIA GPU";
        if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL)) return at::hasCUDA() || at::globalContext().hasCUDART() ? "" : "this libtorch's CUDA does not start";
        const char* error = dlerror();
        const std::string text = error ? error : "";
        // The library itself is missing in a build without CUDA; otherwise something that it needs is.
        return text.starts_with("libtorch_cuda.so:") ? "this libtorch was built without CUDA" : "libtorch's CUDA cannot be loaded (" + text + ")";
    }();
    return why;
}

} // namespace

int gpuCount() {
    return lackOfCuda().empty() ? static_cast<int>(at::getNumGPUs()) : 0;
}

at::Device chooseDevice(const std::string& wanted) {
    if (wanted == "cpu") return at::kCPU;
    if (wanted != "auto" && wanted != "cuda") throw Error(ErrorCode::BadInput, "model.device \"" + wanted + "\" is not known.", "Use auto, cpu or cuda.");
    if (gpuCount() > 0) return at::Device(at::kCUDA, 0);
    if (wanted == "auto") return at::kCPU;
    throw Error(ErrorCode::BadInput, "model.device is cuda, but " + (lackOfCuda().empty() ? "no GPU was found" : lackOfCuda()) + ".", "Use auto or cpu.");
}

} // namespace engine
