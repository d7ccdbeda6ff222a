// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device.h"
#include "engine/error.h"

#include <ATen/Context.h>
#include <dlfcn.h>

namespace engine {

namespace {

/// Why this library cannot be loaded; empty: it was.
std::string lackOf(const char* library, int flags) {
    if (dlopen(library, flags)) return {};
    const char* error = dlerror();
    return error ? error : "no reason was given";
}

/// Why nothing can be computed by CUDA; empty: it can, if there is a GPU. Loading it registers its kernels, which must precede
/// any other question about GPUs. It is large: where there is no driver it is left alone.
const std::string& lackOfCuda() {
    static const std::string why = []() -> std::string {
        if (!lackOf("libcuda.so.1", RTLD_LAZY).empty()) return "this machine has no driver for an NVIDIA GPU";
        if (const std::string lack = lackOf("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL); !lack.empty())
            // The library itself is missing in a build without CUDA; otherwise something that it needs is.
            return lack.starts_with("libtorch_cuda.so:") ? "this libtorch was built without CUDA"
                                                         : "libtorch's CUDA cannot be loaded (" + lack + ")";
        if (!at::globalContext().hasCUDART()) return "this libtorch's CUDA does not start";
#ifdef PHIBENCH_CUDA_LIBRARY
        if (const std::string lack = lackOf(PHIBENCH_CUDA_LIBRARY, RTLD_NOW); !lack.empty())
            return "its kernels cannot be loaded (" + lack + ")";
#endif
        return {};
    }();
    return why;
}

} // namespace

int gpuCount() {
    return lackOfCuda().empty() ? static_cast<int>(at::getNumGPUs()) : 0;
}

at::Device chooseDevice(const std::string& wanted) {
    if (wanted == "cpu") return at::kCPU;
    if (wanted != "auto" && wanted != "cuda")
        throw Error(ErrorCode::BadInput, "model.device \"" + wanted + "\" is not known.", "Use auto, cpu or cuda.");
    if (gpuCount() > 0) return at::Device(at::kCUDA, 0);
    if (wanted == "auto") return at::kCPU;
    throw Error(ErrorCode::BadInput,
                "model.device is cuda, but " + (lackOfCuda().empty() ? "no GPU was found" : lackOfCuda()) + ".",
                "Use auto or cpu.");
}

} // namespace engine
