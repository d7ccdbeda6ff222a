// SPDX-License-Identifier: GPL-3.0-or-later
// The merged model as one GGUF file, tensor by tensor: names, metadata and rows as llama.cpp's converter writes them.
#include "engine/architecture/config.h"
#include "engine/architecture/names.h"
#include "engine/architecture/tensors.h"
#include "engine/exports.h"
#include "engine/exports/merge_source.h"
#include "engine/model/merge.h"
#include "engine/text/gguf_tokenizer.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/gguf_writer.h"
#include "engine/weights/hub.h"
#include "engine/weights/quantize.h"
#include "engine/words/numbers.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>
#include <algorithm>

namespace engine {

namespace {

namespace fs = std::filesystem;

struct FileType {
    const char* name; // of the option
    DType type;
    std::int64_t number; // general.file_type, of llama_ftype
    bool fourBits;
};

constexpr FileType kTypes[] = {{"f16", DType::F16, 1, false},
                               {"bf16", DType::BF16, 32, false},
                               {"q8_0", DType::Q8_0, 7, false},
                               {"q4_0", DType::Q4_0, 2, true},
                               {"q4_1", DType::Q4_1, 3, true}};

const FileType& typeNamed(const std::string& name) {
    return *std::find_if(std::begin(kTypes), std::end(kTypes), [&](const FileType& type) { return name == type.name; });
}

constexpr std::int64_t kQuantizationVersion = 2; // GGML_QNT_VERSION

/// A tensor of the model, and where it goes.
struct Place {
    TensorShape tensor;
    FileName name;
    DType type = DType::F32;
};

class Writing {
public:
    Writing(const MergeSource& source, const FileType& type)
        : m_model(resolveModel(source.model.path)), m_type(type), m_precision(source.precision()) {
        const bool folder = fs::is_directory(m_model);
        m_adapter = loadAdapter(source.adapter, configOf(m_model));
        m_merged.emplace(m_model, m_precision, *m_adapter);
        const DecoderConfig& config = m_merged->config();
        m_tables = ggufTables(config);
        for (const GgufTable& table : m_tables)
            m_tensors.push_back({table.name, DType::F32, {static_cast<std::int64_t>(table.values.size())}, {}});
        for (TensorShape& tensor : modelTensors(config)) {
            FileName name = ggufNames(config, tensor.name).front();
            const DType as = typeOf(config, tensor);
            m_tensors.push_back({name.name, as, tensor.shape, {}});
            m_places.push_back({std::move(tensor), std::move(name), as});
        }
        m_tokenizer =
            folder ? ggufTokenizer(m_model, config.vocab_size, config.bos, config.eos) : ggufTokenizer(GgufFile(m_model));
    }

    Exported write(const fs::path& out, const Sink& sink, const std::stop_token& stop) {
        GgufWriter writer(out, metadata(), m_tensors);
        requireRoom(out, writer.byteCount());
        std::int64_t done = 0, parameters = 0;
        for (const GgufTable& table : m_tables) {
            const std::vector<float> values(table.values.begin(), table.values.end());
            writer.write(std::as_bytes(std::span(values)));
        }
        for (std::size_t i = 0; i < m_places.size(); ++i) {
            if (stop.stop_requested()) throw StopRequested{};
            if (sink) sink(ProgressEvent{0, Stage::Merge, done++, static_cast<std::int64_t>(m_places.size()), 0, -1});
            writer.write(bytesOf(m_places[i]));
            parameters += m_tensors[m_tables.size() + i].count();
        }
        writer.commit();
        const auto bytes = static_cast<std::int64_t>(writer.byteCount());
        return {.path = out,
                .notes = notes(parameters, bytes),
                .facts = {{"type", std::string(m_type.name)}, {"parameters", parameters}, {"bytes", bytes}},
                .fidelity = m_type.fourBits ? Fidelity::Accuracy : Fidelity::Labels};
    }

private:
    /// The head, and the embedding that serves as one, are kept in 8 bits where the others have 4, since it decides between
    /// tokens; llama.cpp's own quantiser gives them more bits, too.
    DType typeOf(const DecoderConfig& config, const TensorShape& tensor) {
        if (tensor.shape.size() < 2) return DType::F32;
        const std::string head = (config.tied_head ? config.embedding : config.head).folder + ".weight";
        const DType type = m_type.fourBits && tensor.name == head ? DType::Q8_0 : m_type.type;
        if (tensor.shape.back() % static_cast<std::int64_t>(blockSize(type)) == 0) return type;
        ++m_narrow;
        return DType::F16;
    }

    GgufMetadata metadata() const {
        const DecoderConfig& config = m_merged->config();
        GgufMetadata all = ggufMetadata(config);
        all.emplace_back("general.type", std::string("model"));
        all.emplace_back("general.file_type", m_type.number);
        all.emplace_back("general.quantization_version", kQuantizationVersion);
        all.insert(all.end(), m_tokenizer.metadata.begin(), m_tokenizer.metadata.end());
        return all;
    }

    /// The tensor as the file has its rows and values.
    std::span<const std::byte> bytesOf(const Place& place) {
        const c10::InferenceMode guard;
        const auto& [tensor, name, type] = place;
        at::Tensor values = m_merged->values(tensor);
        if (name.turnedHead > 0) { // halves of each head one after the other become pairs
            const std::int64_t half = name.turnedHead / 2, heads = values.size(0) / name.turnedHead;
            values = values.view({heads, 2, half, -1}).transpose(1, 2).reshape(tensor.shape);
        }
        if (name.added != 0) values = values.add(name.added);
        values = values.contiguous();
        const auto count = static_cast<std::size_t>(values.numel());
        m_bytes.resize(byteSize(type, count));
        if (!at::isfinite(values).all().item<bool>() || !fromFloat(type, values.const_data_ptr<float>(), count, m_bytes.data()))
            throw Error(ErrorCode::BadInput, m_model.string() + ": with the adapter, values of the tensor " + tensor.name +
                                                 " are beyond what " + toString(type) + " can hold.");
        return m_bytes;
    }

    std::vector<std::string> notes(std::int64_t parameters, std::int64_t bytes) const {
        std::vector<std::string> all{std::to_string(parameters) + " parameters in " + toString(m_type.type) + ", " +
                                     bytesText(bytes) + "."};
        if (m_type.fourBits)
            all.push_back(m_merged->config().tied_head ? "The embedding, which is the head as well, is in Q8_0."
                                                       : "The head is in Q8_0.");
        if (m_narrow > 0)
            all.push_back(std::to_string(m_narrow) + (m_narrow == 1 ? " matrix is" : " matrices are") + " in F16, since " +
                          (m_narrow == 1 ? "its" : "their") + " rows are no multiples of a block's 32 values.");
        if (m_precision.isQuantised())
            all.push_back("The adapter was trained on NF4, so it was added to the de-quantised NF4 weights.");
        all.insert(all.end(), m_tokenizer.remarks.begin(), m_tokenizer.remarks.end());
        return all;
    }

    fs::path m_model;
    const FileType& m_type;
    Precision m_precision;
    std::shared_ptr<Lora> m_adapter;
    std::optional<MergedModel> m_merged;
    GgufTokenizer m_tokenizer;
    std::vector<TensorView> m_tensors; // of the file: tables, then places
    std::vector<GgufTable> m_tables;
    std::vector<Place> m_places;
    std::vector<std::byte> m_bytes; // of one tensor
    int m_narrow = 0;
};

Exported writeGguf(const ExportRequest& request, const Sink& sink, std::stop_token stop) {
    return Writing(mergeSource(request.run, sink, stop), typeNamed(request.choice("type"))).write(request.out, sink, stop);
}

} // namespace

Exporter ggufExporter() {
    std::vector<std::string> types;
    for (const FileType& type : kTypes) types.emplace_back(type.name);
    return {
        .key = "gguf",
        .title = "Merged model for llama.cpp",
        .help = "the model with the adapter merged into it, a GGUF file that llama.cpp loads",
        .suffix = ".gguf",
        .needs = {.adapter = true},
        .options = {{.key = "type", .title = "Weights", .help = "what the weights are written in", .values = std::move(types)}},
        .makes = Makes::File,
        .model = true,
        .write = writeGguf};
}

} // namespace engine
