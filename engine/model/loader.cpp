// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/loader.h"
#include "engine/architecture/config.h"
#include "engine/architecture/names.h"
#include "engine/architecture/tensors.h"
#include "engine/files/mapped_file.h"
#include "engine/kernels/kernels.h"
#include "engine/weights/gguf.h"
#include "engine/weights/model_files.h"
#include "engine/weights/nf4_checkpoint.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <unordered_set>

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
            kernels::castRows(floats.data(), end - begin, width,
                              {static_cast<std::uint16_t*>(out.data_ptr()) + begin * width, width, kernels::Scalar::BF16});
        }
    };
    at::parallel_for(0, rows, std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, width)), convert);
    return out;
}

/// The view's bfloat16 where it lies; `file` keeps it there.
at::Tensor mapped(const TensorView& view, std::shared_ptr<const void> file) {
    const auto giveBack = [file = std::move(file), bytes = view.bytes](void*) { releasePages(bytes); };
    return at::from_blob(const_cast<std::byte*>(view.bytes.data()), view.shape, giveBack, at::kBFloat16);
}

bool isAligned(const TensorView& view) {
    return reinterpret_cast<std::uintptr_t>(view.bytes.data()) % 2 == 0;
}

/// The first element of a contiguous tensor that is NaN or infinite; -1: none.
std::int64_t firstNotFinite(const at::Tensor& t) {
    const auto type = t.scalar_type() == at::kFloat ? kernels::Scalar::F32 : kernels::Scalar::BF16;
    const auto* data = static_cast<const char*>(t.const_data_ptr());
    std::atomic<std::int64_t> first{t.numel()};
    at::parallel_for(0, t.numel(), 1 << 20, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t at = kernels::firstNotFinite(data + begin * kernels::sizeOf(type), end - begin, type);
        if (at < 0) return;
        std::int64_t known = first;
        while (begin + at < known && !first.compare_exchange_weak(known, begin + at)) {}
    });
    return first == t.numel() ? -1 : first.load();
}

/// "[3, 17]": where element `at` of this shape lies.
std::string placeText(std::int64_t at, const std::vector<std::int64_t>& shape) {
    std::vector<std::int64_t> place(shape.size());
    for (std::size_t i = shape.size(); i-- > 0; at /= shape[i]) place[i] = at % shape[i];
    return shapeText(place);
}

/// The first of a matrix's elements that is NaN or infinite, counted by blocks; -1: none.
std::int64_t firstNotFinite(const BlockMatrix& matrix) {
    const std::int64_t perRow = matrix.in / kernels::kBlock, count = matrix.out * perRow;
    std::atomic<std::int64_t> first{count};
    at::parallel_for(0, count, 1 << 15, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t at =
            kernels::firstBlockNotFinite(matrix.kind, matrix.row(0) + begin * kernels::blockBytes(matrix.kind), end - begin);
        if (at < 0) return;
        std::int64_t known = first;
        while (begin + at < known && !first.compare_exchange_weak(known, begin + at)) {}
    });
    return first == count ? -1 : first.load() * kernels::kBlock;
}

/// The matrix with the rows of each head's halves, which llama.cpp interleaves, apart again.
BlockMatrix turnedBack(const BlockMatrix& matrix, std::int64_t headDim) {
    const auto row = static_cast<std::size_t>(matrix.in / kernels::kBlock * kernels::blockBytes(matrix.kind));
    const auto copy = std::make_shared<std::vector<std::byte>>(matrix.bytes.size());
    for (std::int64_t to = 0; to < matrix.out; ++to) {
        const std::int64_t head = to / headDim, place = to % headDim, half = headDim / 2;
        std::memcpy(copy->data() + static_cast<std::size_t>(to) * row,
                    matrix.row(head * headDim + place % half * 2 + place / half), row);
    }
    BlockMatrix apart = matrix;
    apart.bytes = *copy;
    apart.owner = copy;
    return apart;
}

} // namespace

struct WeightReader::Impl {
    std::filesystem::path path;
    DecoderConfig config;
    std::optional<ModelFiles> folder;
    std::optional<GgufFile> gguf;

    const TensorView* find(const std::string& name) const { return gguf ? gguf->find(name) : folder->find(name); }
    std::vector<FileName> names(const std::string& tensor) const {
        return gguf ? ggufNames(config, tensor) : folderNames(config, tensor);
    }
    [[noreturn]] void notFinite(const TensorView& view, std::int64_t at, const std::vector<std::int64_t>& shape) const {
        throw Error(ErrorCode::BadInput,
                    path.string() + ": the tensor " + view.name + " holds a NaN or infinite value at " + placeText(at, shape) +
                        ".",
                    "The file is damaged: fetch it again.");
    }
    [[noreturn]] void wrongShape(const TensorView& view, const std::vector<std::int64_t>& expected) const {
        throw Error(ErrorCode::BadInput,
                    path.string() + ": the tensor " + view.name + " has the shape " + shapeText(view.shape) +
                        ", but the model's configuration makes it " + shapeText(expected) + ".",
                    "The weights belong to another configuration, or the file is damaged.");
    }
    void requireReal(const TensorView& view) const {
        if (canBeWeights(view.type)) return;
        const std::string what = path.string() + ": the tensor " + view.name;
        if (find(view.name + ".absmax"))
            throw Error(ErrorCode::BadInput, what + " was quantised to 4 bits by bitsandbytes before it was saved.",
                        "Use precision nf4 for this model.");
        throw Error(ErrorCode::BadInput,
                    what + " holds numbers of type " + toString(view.type) + ", but weights of 16 or 32 bits are needed.",
                    "It may be quantised in a way that Phibench does not know.");
    }
    void refuseUnread() const;
    void checkTiedHead() const;
};

/// A layer's weight that no layer here reads would silently be left out: norms or biases of another kind of model, or layers too
/// many.
void WeightReader::Impl::refuseUnread() const {
    std::unordered_set<std::string> known;
    for (const TensorShape& tensor : modelTensors(config))
        for (const FileName& name : names(tensor.name)) known.insert(name.name);
    for (const TensorView& view : gguf ? gguf->tensors() : folder->tensors()) {
        const std::string& name = view.name;
        const bool layers = name.starts_with("model.layers.") || name.starts_with("transformer.h.") || name.starts_with("blk.") ||
                            name == "lm_head.bias" || name == "model.norm.bias";
        if (!layers || !(name.ends_with(".weight") || name.ends_with(".bias")) || name.find("rotary_emb") != std::string::npos ||
            known.contains(name))
            continue;
        throw Error(ErrorCode::BadInput,
                    path.string() + ": the tensor " + quote(name) + " " + shapeText(view.shape) + " is none of a " +
                        config.family + " model with " + std::to_string(config.layers) +
                        " layers as its configuration describes it.",
                    "Leaving it out would change the numbers, so the model is not loaded.");
    }
}

/// A head of its own in the file of a model whose configuration says that it has none.
void WeightReader::Impl::checkTiedHead() const {
    if (!config.tied_head || gguf) return;
    const TensorView* head = folder->find("lm_head.weight");
    const TensorView* embedding = folder->find("model.embed_tokens.weight");
    if (!head || !embedding) return;
    if (head->type != embedding->type || head->shape != embedding->shape ||
        !std::equal(head->bytes.begin(), head->bytes.end(), embedding->bytes.begin()))
        throw Error(ErrorCode::BadInput,
                    path.string() + ": config.json says tie_word_embeddings true, but the tensor lm_head.weight " +
                        shapeText(head->shape) + " differs from model.embed_tokens.weight " + shapeText(embedding->shape) + ".",
                    "Set tie_word_embeddings to false if the head is to be used.");
}

WeightReader::WeightReader(const std::filesystem::path& model) : m_impl(std::make_shared<Impl>()) {
    m_impl->path = model;
    if (std::filesystem::is_directory(model)) {
        m_impl->config = configFromFolder(model);
        m_impl->folder.emplace(model);
    } else {
        m_impl->gguf.emplace(model);
        m_impl->config = configFromGguf(*m_impl->gguf);
    }
    m_impl->refuseUnread();
    m_impl->checkTiedHead();
}
WeightReader::~WeightReader() = default;
WeightReader::WeightReader(WeightReader&&) noexcept = default;

const DecoderConfig& WeightReader::config() const {
    return m_impl->config;
}
const std::filesystem::path& WeightReader::path() const {
    return m_impl->path;
}

bool WeightReader::holdsNf4() const {
    if (!m_impl->folder) return false;
    const std::vector<TensorView>& tensors = m_impl->folder->tensors();
    return std::any_of(tensors.begin(), tensors.end(), [](const TensorView& tensor) { return isNf4Part(tensor.name); });
}

at::Tensor WeightReader::read(const std::string& name, const std::vector<std::int64_t>& shape, at::ScalarType type) const {
    const std::vector<FileName> candidates = m_impl->names(name);
    for (const FileName& candidate : candidates) {
        const TensorView* view = m_impl->find(candidate.name);
        if (!view) continue;
        m_impl->requireReal(*view);
        std::vector<std::int64_t> expected = shape;
        expected[0] *= candidate.parts;
        if (view->shape != expected) m_impl->wrongShape(*view, expected);
        const bool turned = candidate.turnedHead > 0, shifted = candidate.added != 0;
        const bool asItLies = type == at::kBFloat16 && view->type == DType::BF16 && !candidate.interleaved && !turned &&
                              !shifted && isAligned(*view);
        at::Tensor tensor;
        if (candidate.interleaved) {
            // [heads, parts, head_dim, …]: every head's q, k and v lie together.
            const std::int64_t heads = m_impl->config.heads;
            std::vector<std::int64_t> apart{heads, candidate.parts, shape[0] / heads};
            if (shape.size() > 1) apart.push_back(shape[1]);
            tensor = toTensor(*view, type).view(apart).select(1, candidate.part).reshape(shape).contiguous();
        } else {
            const TensorView part = candidate.parts > 1 ? rowsOfView(*view, candidate.part * shape[0], shape[0]) : *view;
            tensor = asItLies ? mapped(part, m_impl) : toTensor(part, type);
        }
        if (turned)
            tensor = tensor.view({shape[0] / candidate.turnedHead, candidate.turnedHead / 2, 2, -1})
                         .transpose(1, 2)
                         .reshape(shape)
                         .contiguous();
        if (shifted) tensor = at::sub(tensor, candidate.added);
        if (const std::int64_t at = firstNotFinite(tensor); at >= 0) m_impl->notFinite(*view, at, shape);
        if (!asItLies) releasePages(view->bytes);
        return tensor;
    }
    throw Error(ErrorCode::NotFound, m_impl->path.string() + ": the tensor " + candidates.front().name + " is missing.",
                name == "lm_head.weight" ? "Where the embedding serves as head, config.json says tie_word_embeddings true."
                                         : "The model is incomplete, or of a kind that Phibench does not know.");
}

std::optional<BlockMatrix> WeightReader::readBlocks(const std::string& name, std::int64_t out, std::int64_t in) const {
    if (!m_impl->gguf) return std::nullopt;
    for (const FileName& candidate : m_impl->names(name)) {
        const TensorView* view = m_impl->find(candidate.name);
        const auto kind = view ? factsOf(view->type).kernel : std::nullopt;
        if (!view) continue;
        if (!kind || candidate.interleaved) break;
        if (view->shape != std::vector<std::int64_t>{out * candidate.parts, in})
            m_impl->wrongShape(*view, {out * candidate.parts, in});
        const std::span<const std::byte> bytes = rowsOfView(*view, candidate.part * out, out).bytes;
        const std::shared_ptr<const void> owner(m_impl.get(), [file = m_impl, bytes](const void*) { releasePages(bytes); });
        BlockMatrix matrix{out, in, *kind, bytes, owner};
        if (const std::int64_t at = firstNotFinite(matrix); at >= 0) m_impl->notFinite(*view, at, {out, in});
        return candidate.turnedHead ? turnedBack(matrix, candidate.turnedHead) : matrix;
    }
    return std::nullopt;
}

bool WeightReader::holdsBf16(const std::string& name) const {
    for (const FileName& candidate : m_impl->names(name))
        if (const TensorView* view = m_impl->find(candidate.name)) return view->type == DType::BF16;
    return false;
}

Nf4Matrix WeightReader::readNf4(const std::string& name, std::int64_t out, std::int64_t in, bool doubleQuant) const {
    std::optional<Nf4Weight> stored;
    if (m_impl->folder) stored = engine::readNf4(name, [&](const std::string& part) { return m_impl->folder->find(part); });
    if (stored) {
        if (stored->shape != std::vector<std::int64_t>{out, in})
            throw Error(ErrorCode::BadInput, m_impl->path.string() + ": the tensor " + name + " was quantised from the shape " +
                                                 shapeText(stored->shape) + ", but the model's configuration makes it " +
                                                 shapeText({out, in}) + ".");
        // The codes stay in the file.
        Nf4Matrix matrix;
        matrix.out = out;
        matrix.in = in;
        matrix.codes = stored->codes;
        matrix.block = stored->block;
        matrix.keep(std::move(stored->absmax), m_impl);
        return matrix;
    }
    return quantizedNf4(read(name, {out, in}, at::kFloat), doubleQuant);
}

} // namespace engine
