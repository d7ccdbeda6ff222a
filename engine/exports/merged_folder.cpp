// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exports/merged_folder.h"
#include "engine/architecture/config.h"
#include "engine/exports.h"
#include "engine/files/new_file.h"
#include "engine/model/merge.h"
#include "engine/text/tokenizer_export.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/gguf.h"
#include "engine/weights/hub.h"
#include "engine/weights/model_files.h"
#include "engine/weights/sharded_writer.h"
#include "engine/words/numbers.h"

#include <nlohmann/json.hpp>

namespace engine {

namespace {

namespace fs = std::filesystem;

bool isFolder(const fs::path& model) {
    return fs::is_directory(model);
}

void writeText(const fs::path& path, const std::string& text) {
    NewFile file(path);
    file.write(text);
    file.commit();
}

/// Everything of a model folder that is neither its configuration nor its weights: tokenizer, generation settings, licence, and
/// code that config.json may name.
void copyCompanions(const fs::path& from, const fs::path& to) {
    for (const char* name :
         {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
          "tokenizer.model", "chat_template.jinja", "chat_template.json", "generation_config.json", "LICENSE", "LICENSE.txt",
          "LICENSE.md", "NOTICE", "NOTICE.txt", "NOTICE.md"})
        if (fs::is_regular_file(from / name)) fs::copy_file(from / name, to / name);
    for (const auto& entry : fs::directory_iterator(from))
        if (entry.path().extension() == ".py" && entry.is_regular_file())
            fs::copy_file(entry.path(), to / entry.path().filename());
}

std::string generationConfig(const DecoderConfig& config) {
    nlohmann::ordered_json json{{"_from_model_config", true}};
    if (config.bos >= 0) json["bos_token_id"] = config.bos;
    if (config.eos >= 0) json["eos_token_id"] = config.eos;
    return json.dump(2) + "\n";
}

std::string typeName(DType type) {
    switch (type) {
    case DType::F64: return "float64";
    case DType::F16: return "float16";
    case DType::BF16: return "bfloat16";
    default: return "float32";
    }
}

class Merging {
public:
    Merging(const MergeJob& job, const Sink& sink, std::stop_token stop) : m_job(job), m_sink(sink), m_stop(std::move(stop)) {}

    Merged run() {
        requireFree(m_job.folder);
        m_model = resolveModel(m_job.source.model.path);
        const Precision precision = m_job.source.precision();
        const std::shared_ptr<Lora> adapter = loadAdapter(m_job.source.adapter, configOf(m_model));
        const MergedModel model(m_model, precision, *adapter);

        NewFolder place(m_job.folder);
        Merged result = write(model, place.path());
        checkStop();
        place.commit();
        result.folder = m_job.folder;
        result.remark = remark(precision, result.type);
        return result;
    }

private:
    void checkStop() const {
        if (m_stop.stop_requested()) throw StopRequested{};
    }

    Merged write(const MergedModel& model, const fs::path& folder) const {
        ShardedWriter writer(folder, model.tensors(), m_job.shardBytes);
        requireRoom(folder, writer.byteCount());
        if (isFolder(m_model)) {
            copyCompanions(m_model, folder);
            writeText(folder / "config.json", plainConfigText(m_model, model.type()));
        } else {
            writeGgufTokenizer(GgufFile(m_model), folder);
            writeText(folder / "config.json", configText(model.config(), model.type()));
            writeText(folder / "generation_config.json", generationConfig(model.config()));
        }
        Merged result;
        std::int64_t done = 0;
        for (const std::size_t tensor : writer.order()) {
            checkStop();
            if (m_sink) m_sink(ProgressEvent{0, Stage::Merge, done++, static_cast<std::int64_t>(writer.order().size()), 0, -1});
            model.write(tensor, [&](std::span<const std::byte> bytes) { writer.write(bytes); });
            result.parameters += model.tensors()[tensor].count();
        }
        writer.finish();
        result.type = typeName(model.type());
        result.bytes = static_cast<std::int64_t>(writer.byteCount());
        result.files = static_cast<std::int64_t>(writer.fileCount());
        return result;
    }

    std::string remark(const Precision& precision, const std::string& type) const {
        if (precision.isQuantised())
            return "The adapter was trained on NF4, so it was added to the de-quantised NF4 weights and the merged model is " +
                   type + ": quantising it to 4 bits again rounds again, so figures can then differ slightly.";
        if (!isFolder(m_model) && type == "bfloat16")
            return "The GGUF's weights were de-quantised and written as bfloat16; quantising the merged model again rounds "
                   "again, so figures can then differ slightly.";
        return {};
    }

    const MergeJob& m_job;
    const Sink& m_sink;
    std::stop_token m_stop;
    fs::path m_model;
};

Exported writeMerged(const ExportRequest& request, const Sink& sink, std::stop_token stop) {
    const Merged merged = mergeIntoFolder({mergeSource(request.run, sink, stop), request.out}, sink, stop);
    Exported done{.path = request.out,
                  .notes = {std::to_string(merged.parameters) + " parameters in " + merged.type + ", " + bytesText(merged.bytes) +
                            " in " + std::to_string(merged.files) + (merged.files == 1 ? " file." : " files.")},
                  .facts = {{"dtype", merged.type},
                            {"parameters", merged.parameters},
                            {"bytes", merged.bytes},
                            {"files", merged.files},
                            {"remark", merged.remark}}};
    if (!merged.remark.empty()) done.notes.push_back(merged.remark);
    return done;
}

} // namespace

Merged mergeIntoFolder(const MergeJob& job, const Sink& sink, std::stop_token stop) {
    return Merging(job, sink, std::move(stop)).run();
}

Exporter safetensorsExporter() {
    return {.key = "safetensors",
            .title = "Merged model for transformers",
            .help = "the model with the adapter merged into it, a folder that transformers loads",
            .suffix = "-merged",
            .needs = {.adapter = true},
            .options = {},
            .model = true,
            .write = writeMerged};
}

} // namespace engine
