// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/loader.h"
#include "engine/kernels/kernels.h"
#include "engine/model/names.h"
#include "engine/weights/gguf.h"
#include "engine/weights/model_files.h"
#include "engine/weights/nf4_checkpoint.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <cmath>
#include <cstring>
#include <optional>

namespace engine {

namespace {

/// Rows [begin, begin + count) of a view.
TensorView rowsOfView(const TensorView& view, std::int64_t begin, std::int64_t count) {
    TensorView part = view;
    const std::size_t row = view.shape[0] ? view.bytes.size() / static_cast<std::size_t>(view.shape[0]) : 0;
    part.shape[0] = count;
    part.bytes = view.bytes.subspan(static_cast<std::size_t>(begin) * row, static_cast<std::size_t>(count) * row);
    return part;
}

/// The view as a tensor, rows divided among the threads.
at::Tensor toTensor(const TensorView& view, at::ScalarType type) {
    at::Tensor out = at::empty(view.shape, type);
    const std::int64_t rows = view.shape.size() > 1 ? view.shape[0] : 1, width = rows ? view.count() / rows : 0;
    const auto convert = [&](std::int64_t begin, std::int64_t end) {
        const TensorView part = view.shape.size() > 1 ? rowsOfView(view, begin, end - begin) : view;
        if (type == at::kBFloat16 && view.type == DType::BF16) {
            std::memcpy(static_cast<std::uint16_t*>(out.data_ptr()) + begin * width, part.bytes.data(), part.bytes.size());
        } else if (type == at::kFloat) {
            toFloat(part, out.data_ptr<float>() + begin * width);
        } else {
            std::vector<float> floats(static_cast<std::size_t>(part.count()));
            toFloat(part, floats.data());
            kernels::castRows(floats.data(), end - begin, width, {static_cast<std::uint16_t*>(out.data_ptr()) + begin * width, width, kernels::Scalar::BF16});
        }
    };
    at::parallel_for(0, rows, std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, width)), convert);
    return out;
}

bool allFinite(const at::Tensor& t) {
    // A sum is not finite if any element is not; an overflow of finite ones is looked at closely.
    if (std::isfinite(at::sum(t, at::kDouble).item<double>())) return true;
    return at::isfinite(t).all().item<bool>();
}

} // namespace

struct WeightReader::Impl {
    std::filesystem::path path;
    DecoderConfig config;
    std::optional<ModelFiles> folder;
    std::optional<GgufFile> gguf;

    const TensorView* find(const std::string& name) const { return gguf ? gguf->find(name) : folder->find(name); }
    [[noreturn]] void wrongShape(const TensorView& view, const std::vector<std::int64_t>& expected) const {
        throw Error(ErrorCode::BadInput,
                    path.string() + ": the tensor " + view.name + " has the shape " + shapeText(view.shape) + ", but the model's configuration makes it " +
                        shapeText(expected) + ".",
                    "The weights belong to another configuration, or the file is damaged.");
    }
};

WeightReader::WeightReader(const std::filesystem::path& model) : m_impl(std::make_unique<Impl>()) {
    m_impl->path = model;
    if (std::filesystem::is_directory(model)) {
        m_impl->config = configFromFolder(model);
        m_impl->folder.emplace(model);
    } else {
        m_impl->gguf.emplace(model);
        m_impl->config = configFromGguf(*m_impl->gguf);
    }
}
WeightReader::~WeightReader() = default;
WeightReader::WeightReader(WeightReader&&) noexcept = default;

const DecoderConfig& WeightReader::config() const {
    return m_impl->config;
}

at::Tensor WeightReader::read(const std::string& name, const std::vector<std::int64_t>& shape, at::ScalarType type) const {
    const std::vector<FileName> candidates = m_impl->gguf ? ggufNames(name) : folderNames(name);
    for (const FileName& candidate : candidates) {
        const TensorView* view = m_impl->find(candidate.name);
        if (!view) continue;
        std::vector<std::int64_t> expected = shape;
        expected[0] *= candidate.parts;
        if (view->shape != expected) m_impl->wrongShape(*view, expected);
        at::Tensor tensor;
        if (candidate.interleaved) {
            // [heads, parts, head_dim, …]: every head's q, k and v lie together.
            const std::int64_t heads = m_impl->config.heads;
            std::vector<std::int64_t> apart{heads, candidate.parts, shape[0] / heads};
            if (shape.size() > 1) apart.push_back(shape[1]);
            tensor = toTensor(*view, type).view(apart).select(1, candidate.part).reshape(shape).contiguous();
        } else {
            tensor = toTensor(candidate.parts > 1 ? rowsOfView(*view, candidate.part * shape[0], shape[0]) : *view, type);
        }
        if (m_impl->gguf && m_impl->config.family == Family::Llama && candidate.rotated && shape.size() == 2) {
            const std::int64_t pairs = m_impl->config.head_dim / 2, heads = shape[0] / m_impl->config.head_dim;
            tensor = tensor.view({heads, pairs, 2, shape[1]}).transpose(1, 2).reshape(shape).contiguous();
        }
        if (!allFinite(tensor))
            throw Error(ErrorCode::BadInput, m_impl->path.string() + ": the tensor " + view->name + " holds NaN or infinite values.",
                        "The file is damaged: fetch it again.");
        return tensor;
    }
    throw Error(ErrorCode::NotFound, m_impl->path.string() + ": the tensor " + candidates.front().name + " is missing.",
                "The model is incomplete, or of a kind that Phibench does not know.");
}

namespace {

/// Codes and scales in memory of their own.
struct Nf4Storage {
    std::vector<std::uint8_t> codes;
    std::vector<float> absmax;
};

Nf4Matrix quantized(const at::Tensor& values, bool doubleQuant) {
    const auto storage = std::make_shared<Nf4Storage>();
    const auto count = static_cast<std::size_t>(values.numel()), blocks = nf4Blocks(count);
    storage->codes.resize(nf4Bytes(count));
    storage->absmax.resize(blocks);
    const float* from = values.const_data_ptr<float>();
    at::parallel_for(0, static_cast<std::int64_t>(blocks), 512, [&](std::int64_t begin, std::int64_t end) {
        const auto first = static_cast<std::size_t>(begin) * kNf4Block, last = std::min(count, static_cast<std::size_t>(end) * kNf4Block);
        quantizeNf4(from + first, last - first, storage->codes.data() + first / 2, storage->absmax.data() + begin);
    });
    Nf4Matrix matrix;
    matrix.codes = storage->codes;
    if (doubleQuant) {
        matrix.scales = quantizeScales(storage->absmax);
        storage->absmax = {};
    } else {
        matrix.absmax = storage->absmax;
    }
    matrix.owner = storage;
    return matrix;
}

} // namespace

Nf4Matrix WeightReader::readNf4(const std::string& name, std::int64_t out, std::int64_t in, bool doubleQuant) const {
    std::optional<Nf4Weight> stored;
    if (m_impl->folder) stored = engine::readNf4(name, [&](const std::string& part) { return m_impl->folder->find(part); });
    Nf4Matrix matrix;
    if (stored) {
        if (stored->shape != std::vector<std::int64_t>{out, in})
            throw Error(ErrorCode::BadInput, m_impl->path.string() + ": the tensor " + name + " was quantised from the shape " + shapeText(stored->shape) +
                                                 ", but the model's configuration makes it " + shapeText({out, in}) + ".");
        const auto storage = std::make_shared<Nf4Storage>();
        storage->codes.assign(stored->codes.begin(), stored->codes.end());
        storage->absmax = std::move(stored->absmax);
        matrix.codes = storage->codes;
        matrix.absmax = storage->absmax;
        matrix.block = stored->block;
        matrix.owner = storage;
    } else {
        matrix = quantized(read(name, {out, in}, at::kFloat), doubleQuant);
    }
    matrix.out = out;
    matrix.in = in;
    return matrix;
}

} // namespace engine
