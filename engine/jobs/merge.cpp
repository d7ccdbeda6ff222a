// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/merge.h"
#include "engine/architecture/config.h"
#include "engine/files/new_file.h"
#include "engine/jobs/machine.h"
#include "engine/jobs/outcome.h"
#include "engine/jobs/setup.h"
#include "engine/model/merge.h"
#include "engine/text/tokenizer_export.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/gguf.h"
#include "engine/weights/hub.h"
#include "engine/weights/model_files.h"
#include "engine/weights/model_hash.h"
#include "engine/weights/sharded_writer.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace engine {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kOtherFiles = 64 << 20; // room for all but the weights

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

void requireRoom(const fs::path& folder, std::uint64_t bytes) {
    std::error_code unknown;
    const fs::space_info space = fs::space(folder.parent_path(), unknown);
    if (unknown || space.available >= bytes + kOtherFiles) return;
    char text[128];
    std::snprintf(text, sizeof text, "needs %.2f GB, but its disk has only %.2f GB left.", static_cast<double>(bytes) / 1e9,
                  static_cast<double>(space.available) / 1e9);
    throw Error(ErrorCode::Io, std::string("The merged model ") + text, "Make room on the disk or choose another folder.");
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
        fs::path folder = fs::absolute(m_job.folder).lexically_normal();
        if (!folder.has_filename()) folder = folder.parent_path(); // "merged/"
        requireFree(folder);
        useSensibleThreads();
        m_model = resolveModel(m_job.model.path);
        const Precision precision =
            parsePrecision(m_job.model.precision, m_job.model.compute, m_job.model.double_quant, m_job.model.compute == "fp16");
        const std::shared_ptr<Lora> adapter = loadAdapter(m_job.adapter, configOf(m_model));
        const MergedModel model(m_model, precision, *adapter);

        NewFolder place(folder);
        Merged result = write(model, place.path());
        // What would not load again is never put in place.
        checkTokenizer(tokenizerOf(place.path()), configFromFolder(place.path()), place.path());
        static_cast<void>(ModelFiles(place.path()));
        checkStop();
        place.commit();
        result.folder = folder;
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
            if (m_sink) m_sink(ProgressEvent{0, "merge", done++, static_cast<std::int64_t>(writer.order().size()), 0, -1});
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

} // namespace

Merged merge(const MergeJob& job, const Sink& sink, std::stop_token stop) {
    return translated([&] { return Merging(job, sink, stop).run(); });
}

Merged mergeRun(const Runs& runs, RunId run, const fs::path& folder, const Sink& sink, std::stop_token stop) {
    return translated([&] {
        const RunDetail detail = runs.detail(run);
        const MergeJob job{parseRecorded(detail.experimentYaml, "Run " + std::to_string(run)).model, adapterFolder(detail),
                           folder};
        requireFree(folder);
        const fs::path model = resolveModel(job.model.path);
        tellStage(sink, "check model");
        if (modelSha256(model, stop) != detail.modelSha256)
            throw Error(ErrorCode::BadInput,
                        model.string() + " is not the model that run " + std::to_string(run) +
                            " was trained on: its files have changed since.",
                        "Put back the model's files as they were, or train again.");
        return Merging(job, sink, stop).run();
    });
}

} // namespace engine
