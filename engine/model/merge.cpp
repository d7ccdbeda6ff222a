// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/merge.h"
#include "engine/architecture/names.h"
#include "engine/model/loader.h"
#include "engine/model/quantised_layers.h"
#include "engine/weights/gguf.h"
#include "engine/weights/model_files.h"
#include "engine/weights/nf4_checkpoint.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>
#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace engine {

namespace {

/// Hugging Face tensors that lie in one tensor of a file, and that one.
struct Place {
    std::vector<TensorShape> parts;
    FileName name;
    const TensorView* stored = nullptr; // null in a GGUF, whose tensors are all written anew
};

constexpr std::string_view kWeight = ".weight";

at::ScalarType scalarType(DType type) {
    switch (type) {
    case DType::F64: return at::kDouble;
    case DType::F16: return at::kHalf;
    case DType::BF16: return at::kBFloat16;
    default: return at::kFloat;
    }
}

bool isReal(DType type) {
    return type == DType::F64 || type == DType::F32 || type == DType::F16 || type == DType::BF16;
}

/// A GGUF whose matrices are all of one plain type keeps it; quantised ones become bfloat16.
DType typeOf(const GgufFile& file) {
    std::set<DType> types;
    for (const TensorView& tensor : file.tensors())
        if (tensor.shape.size() > 1) types.insert(tensor.type);
    return types.size() == 1 && isReal(*types.begin()) ? *types.begin() : DType::BF16;
}

DType typeNamed(const std::string& name) {
    return name == "float32" ? DType::F32 : name == "float16" ? DType::F16 : DType::BF16;
}

} // namespace

struct MergedModel::Impl {
    Impl(const std::filesystem::path& path, const Precision& given, const Lora& lora)
        : model(path), adapter(lora), reader(path), layers(quantisedLayers(reader, given, std::nullopt)) {
        for (const LinearShape& linear : linearLayers(reader.config())) linears.insert(linear.name + std::string(kWeight));
        if (std::filesystem::is_directory(path))
            planFolder();
        else
            planGguf();
    }

    void planGguf() {
        const DType type = typeOf(GgufFile(model));
        for (TensorShape& tensor : modelTensors(reader.config())) {
            tensors.push_back({tensor.name, type, tensor.shape, {}});
            places.push_back({{std::move(tensor)}, {}, nullptr});
        }
    }

    /// The file's tensors as they are, with what the model reads from each.
    void planFolder() {
        files.emplace(model);
        std::map<std::string, Place> found;
        for (const TensorShape& tensor : modelTensors(reader.config()))
            for (const FileName& name : folderNames(reader.config(), tensor.name)) {
                const TensorView* stored = files->find(name.name);
                if (!stored) continue;
                Place& place = found[name.name];
                place.parts.push_back(tensor); // in the model's order, which is that of fused rows
                place.name = name;
                place.stored = stored;
                break;
            }
        for (const TensorView& stored : files->tensors()) {
            if (isNf4Part(stored.name)) continue;
            const auto at = found.find(stored.name);
            Place place = at != found.end() ? at->second : Place{{}, {}, &stored};
            TensorView out{stored.name, stored.type, stored.shape, {}};
            if (const auto packed = quantised(stored.name)) {
                out.type = typeNamed(packed->dtype);
                out.shape = packed->shape;
            }
            tensors.push_back(std::move(out));
            places.push_back(std::move(place));
        }
    }

    std::optional<Nf4Weight> quantised(const std::string& name) const {
        return readNf4(name, [&](const std::string& part) { return files->find(part); });
    }
    const Lora::Module* module(const std::string& tensor) const {
        return tensor.ends_with(kWeight) ? adapter.find(tensor.substr(0, tensor.size() - kWeight.size())) : nullptr;
    }
    bool isQuantised(const std::string& tensor) const { return layers && linears.contains(tensor); }
    bool isChanged(const TensorShape& part) const {
        return isQuantised(part.name) || module(part.name) || adapter.findBias(part.name);
    }

    at::Tensor merged(const TensorShape& part) const {
        if (const Lora::Bias* bias = adapter.findBias(part.name)) return bias->value;
        at::Tensor values;
        if (isQuantised(part.name))
            values = layers->values(
                {part.name.substr(0, part.name.size() - kWeight.size()), /*in=*/part.shape[1], /*out=*/part.shape[0]});
        else
            values = reader.read(part.name, part.shape, at::kFloat);
        if (const Lora::Module* m = module(part.name))
            values = at::addmm(values, m->b, m->a, 1, m->scaling); // not in place: they may be the file's
        return values;
    }

    /// The parts' rows as the file's tensor has them.
    at::Tensor joined(const Place& place, const std::vector<std::int64_t>& shape) const {
        std::vector<at::Tensor> parts;
        for (const TensorShape& part : place.parts) parts.push_back(merged(part));
        if (parts.size() == 1) return parts[0];
        if (!place.name.interleaved) return at::cat(parts, 0);
        const std::int64_t heads = reader.config().heads;
        for (at::Tensor& part : parts) part = part.view({heads, 1, part.size(0) / heads, -1});
        return at::cat(parts, 1).reshape(shape);
    }

    std::filesystem::path model;
    const Lora& adapter;
    WeightReader reader;
    std::unique_ptr<QuantisedLayers> layers; // under a precision that has them
    std::optional<ModelFiles> files;
    std::set<std::string> linears; // by their weights' names
    std::vector<TensorView> tensors;
    std::vector<Place> places;
};

MergedModel::MergedModel(const std::filesystem::path& model, const Precision& precision, const Lora& adapter)
    : m_impl(std::make_unique<Impl>(model, precision, adapter)) {}
MergedModel::~MergedModel() = default;
MergedModel::MergedModel(MergedModel&&) noexcept = default;

const DecoderConfig& MergedModel::config() const {
    return m_impl->reader.config();
}

const std::vector<TensorView>& MergedModel::tensors() const {
    return m_impl->tensors;
}

DType MergedModel::type() const {
    std::map<DType, std::int64_t> counts;
    for (const TensorView& tensor : m_impl->tensors)
        if (isReal(tensor.type)) counts[tensor.type] += tensor.count();
    const auto most =
        std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == counts.end() ? DType::F32 : most->first;
}

at::Tensor MergedModel::values(const TensorShape& tensor) const {
    const c10::InferenceMode guard;
    return m_impl->merged(tensor);
}

void MergedModel::write(std::size_t tensor, const std::function<void(std::span<const std::byte>)>& out) const {
    const c10::InferenceMode guard;
    const Place& place = m_impl->places[tensor];
    const TensorView& announced = m_impl->tensors[tensor];
    const bool changed =
        std::any_of(place.parts.begin(), place.parts.end(), [&](const TensorShape& part) { return m_impl->isChanged(part); });
    if (place.stored && !changed) return out(place.stored->bytes);
    const at::Tensor values = m_impl->joined(place, announced.shape).to(scalarType(announced.type)).contiguous();
    if (!at::isfinite(values).all().item<bool>())
        throw Error(ErrorCode::BadInput, m_impl->model.string() + ": with the adapter, values of the tensor " + announced.name +
                                             " are beyond what " + toString(announced.type) + " can hold.");
    out({static_cast<const std::byte*>(values.const_data_ptr()), values.nbytes()});
}

} // namespace engine
