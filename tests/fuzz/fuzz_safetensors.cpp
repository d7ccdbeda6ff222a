// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a safetensors file: an Error, or tensors that can be read, quantised ones as well.
#include "engine/weights/nf4_checkpoint.h"
#include "engine/weights/safetensors.h"
#include "tests/fuzz/memory_file.h"

#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile input(data, size);
    try {
        const engine::SafetensorsFile file(input.path());
        for (const engine::TensorView& tensor : file.tensors()) {
            const bool real = tensor.type <= engine::DType::BF16;
            std::vector<float> values(static_cast<std::size_t>(tensor.count()));
            if (real) toFloat(tensor, values.data());
            if (file.find(tensor.name) != &tensor) std::abort();
            if (!tensor.name.ends_with(".weight")) continue;
            try {
                const auto weight = engine::readNf4(tensor.name, [&](const std::string& name) { return file.find(name); });
                if (!weight) continue;
                values.resize(2 * weight->codes.size());
                dequantizeNf4(weight->view(), 0, values.size(), values.data());
            } catch (const engine::Error&) {}
        }
    } catch (const engine::Error&) {}
    return 0;
}
