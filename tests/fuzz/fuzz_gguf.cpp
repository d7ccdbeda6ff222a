// SPDX-License-Identifier: GPL-3.0-or-later
// Any bytes as a GGUF file: an Error, or metadata and tensors that can be read.
#include "engine/weights/gguf.h"
#include "tests/fuzz/memory_file.h"

#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const MemoryFile input(data, size);
    try {
        const engine::GgufFile file(input.path());
        for (const engine::TensorView& tensor : file.tensors()) {
            const bool integers = tensor.type >= engine::DType::I64 && tensor.type <= engine::DType::Bool;
            std::vector<float> values(static_cast<std::size_t>(tensor.count()));
            if (!integers) toFloat(tensor, values.data());
            if (file.find(tensor.name) != &tensor) std::abort();
        }
        for (const auto& [key, value] : file.metadata())
            if (file.value(key) != &value) std::abort();
    } catch (const engine::Error&) {}
    return 0;
}
