// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/nf4_cache.h"
#include "engine/weights/hub.h"
#include "engine/weights/model_hash.h"

#include <algorithm>

namespace engine {

namespace {

namespace fs = std::filesystem;

/// Values in linear layers from which a file is worth its room: fewer are quantised in a second or two.
constexpr std::int64_t kManyValues = 400'000'000;
constexpr std::uintmax_t kSpareRoom = std::uintmax_t{1} << 30; // bytes left free on the disk

constexpr const char *kCodes = ".codes", *kAbsmax = ".absmax", *kScaleCodes = ".absmax.codes", *kScaleAbsmax = ".absmax.absmax",
                     *kOffset = ".absmax.offset";

/// What the file holds of one layer, in order; `scale` is the type of scales that are not quantised themselves.
std::vector<TensorView> tensorsOf(const LinearShape& layer, bool doubleQuant, DType scale) {
    const auto count = static_cast<std::size_t>(layer.in * layer.out), blocks = nf4Blocks(count);
    const auto tensor = [&](const char* part, DType type, std::size_t size) {
        return TensorView{layer.name + part, type, {static_cast<std::int64_t>(size)}, {}};
    };
    if (!doubleQuant) return {tensor(kAbsmax, scale, blocks), tensor(kCodes, DType::U8, nf4Bytes(count))};
    return {tensor(kScaleAbsmax, DType::F32, nf4Blocks(blocks, kNf4ScaleBlock)), tensor(kOffset, DType::F32, 1),
            tensor(kScaleCodes, DType::U8, blocks), tensor(kCodes, DType::U8, nf4Bytes(count))};
}

/// Scales of bfloat16 weights are bfloat16 themselves.
DType scaleType(const WeightReader& reader, const LinearShape& layer) {
    return reader.holdsBf16(layer.name + ".weight") ? DType::BF16 : DType::F32;
}

/// Floats are read where they lie: every layer must end on a multiple of four bytes.
bool fitsFile(const LinearShape& layer) {
    return layer.in * layer.out % (8 * static_cast<std::int64_t>(kNf4Block)) == 0;
}

std::int64_t valuesIn(const std::vector<LinearShape>& layers) {
    std::int64_t count = 0;
    for (const LinearShape& layer : layers) count += layer.in * layer.out;
    return count;
}

template <class T> std::span<const T> valuesOf(const TensorView& view) {
    return {reinterpret_cast<const T*>(view.bytes.data()), view.bytes.size() / sizeof(T)};
}

} // namespace

Nf4Cache::Nf4Cache(const fs::path& file, const DecoderConfig& config, bool doubleQuant)
    : m_file(std::make_shared<SafetensorsFile>(file)), m_layers(linearLayers(config)), m_doubleQuant(doubleQuant) {
    for (const LinearShape& layer : m_layers) {
        const TensorView* absmax = m_file->find(layer.name + kAbsmax);
        for (const TensorView& expected :
             tensorsOf(layer, doubleQuant, absmax && absmax->type == DType::BF16 ? DType::BF16 : DType::F32)) {
            const TensorView* found = m_file->find(expected.name);
            if (!found || found->type != expected.type || found->shape != expected.shape ||
                reinterpret_cast<std::uintptr_t>(found->bytes.data()) % alignof(float) != 0)
                throw Error(ErrorCode::BadInput,
                            file.string() + ": the tensor " + quote(expected.name) + " is not as this model needs it.");
        }
    }
}

bool Nf4Cache::hasScalesOf(const WeightReader& reader) const {
    const auto has = [&](const LinearShape& layer) {
        return m_file->find(layer.name + kAbsmax)->type == scaleType(reader, layer);
    };
    return m_doubleQuant || std::all_of(m_layers.begin(), m_layers.end(), has);
}

Nf4Matrix Nf4Cache::matrix(const std::string& name) const {
    const auto layer = std::find_if(m_layers.begin(), m_layers.end(), [&](const LinearShape& l) { return l.name == name; });
    if (layer == m_layers.end())
        throw Error(ErrorCode::NotFound, m_file->path().string() + ": there is no layer " + quote(name) + ".");
    const auto part = [&](const char* suffix) -> const TensorView& { return *m_file->find(name + suffix); };
    Nf4Matrix matrix;
    matrix.out = layer->out;
    matrix.in = layer->in;
    matrix.codes = valuesOf<std::uint8_t>(part(kCodes));
    if (m_doubleQuant) {
        const auto codes = valuesOf<std::uint8_t>(part(kScaleCodes));
        const auto absmax = valuesOf<float>(part(kScaleAbsmax));
        matrix.scales = {{codes.begin(), codes.end()}, {absmax.begin(), absmax.end()}, valuesOf<float>(part(kOffset))[0]};
    } else if (const TensorView& absmax = part(kAbsmax); absmax.type == DType::BF16) {
        matrix.shortAbsmax = valuesOf<std::uint16_t>(absmax);
    } else {
        matrix.absmax = valuesOf<float>(absmax);
    }
    matrix.owner = m_file;
    return matrix;
}

void Nf4Cache::write(const fs::path& file, const WeightReader& reader, bool doubleQuant, const Sink& sink, std::stop_token stop) {
    const std::vector<LinearShape> layers = linearLayers(reader.config());
    std::vector<TensorView> tensors;
    for (const LinearShape& layer : layers)
        for (TensorView& tensor : tensorsOf(layer, doubleQuant, scaleType(reader, layer))) tensors.push_back(std::move(tensor));
    SafetensorsWriter writer(file, tensors, {{"model", reader.path().string()}});
    std::int64_t done = 0;
    for (const LinearShape& layer : layers) {
        if (stop.stop_requested()) throw StopRequested{};
        const Nf4Matrix matrix = reader.readNf4(layer.name + ".weight", layer.out, layer.in, doubleQuant);
        if (doubleQuant) {
            writer.write(std::as_bytes(std::span(matrix.scales.absmax)));
            writer.write(std::as_bytes(std::span(&matrix.scales.offset, 1)));
            writer.write(std::as_bytes(std::span(matrix.scales.codes)));
        } else if (scaleType(reader, layer) == DType::BF16) {
            writer.write(std::as_bytes(matrix.shortAbsmax));
        } else {
            std::vector<float> absmax(nf4Blocks(static_cast<std::size_t>(layer.in * layer.out)));
            matrix.scalesInto(0, absmax);
            writer.write(std::as_bytes(std::span(absmax)));
        }
        writer.write(std::as_bytes(matrix.codes));
        if (sink) sink(ProgressEvent{0, Stage::QuantiseModel, ++done, static_cast<std::int64_t>(layers.size()), 0, -1});
    }
    writer.commit();
}

std::optional<Nf4Cache> Nf4Cache::of(const WeightReader& reader, bool doubleQuant, const Sink& sink, std::stop_token stop) {
    const std::vector<LinearShape> layers = linearLayers(reader.config());
    const std::int64_t values = valuesIn(layers);
    if (values < kManyValues || reader.holdsNf4() || !std::all_of(layers.begin(), layers.end(), fitsFile)) return {};
    if (sink) sink(ProgressEvent{0, Stage::QuantiseModel, 0, static_cast<std::int64_t>(layers.size()), 0, -1});
    const fs::path folder = derivedCache();
    const fs::path file =
        folder / (modelSha256(reader.path(), stop) + (doubleQuant ? ".nf4-dq.safetensors" : ".nf4.safetensors"));
    std::optional<Nf4Cache> kept; // whose scales are longer than they need to be: made anew where that can be done
    try {
        if (fs::exists(file)) kept.emplace(file, reader.config(), doubleQuant);
        if (kept && kept->hasScalesOf(reader)) return kept;
    } catch (const Error& error) {
        if (sink) sink(LogEvent{0, Severity::Warning, error.message() + " It is made anew."});
    }
    const auto tell = [&](const std::string& why) {
        if (sink && !kept) sink(LogEvent{0, Severity::Warning, "The model in 4 bits is not kept for the next time: " + why});
    };
    try {
        fs::create_directories(folder);
        const auto needed = static_cast<std::uintmax_t>(values) * 9 / 16 + kSpareRoom; // half a byte a value, four bytes a block
        if (const auto room = fs::space(folder).available; room < needed) {
            tell(folder.string() + " has " + std::to_string(room >> 20) + " MB free, and " + std::to_string(needed >> 20) +
                 " MB would be needed.");
            return kept;
        }
        write(file, reader, doubleQuant, sink, stop);
        return Nf4Cache(file, reader.config(), doubleQuant);
    } catch (const fs::filesystem_error& error) {
        tell(folder.string() + ": " + error.code().message() + ".");
    } catch (const Error& error) {
        if (error.code() != ErrorCode::Io) throw;
        tell(error.message());
    }
    return kept;
}

} // namespace engine
