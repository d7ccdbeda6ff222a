// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exports/merge_source.h"
#include "engine/error.h"
#include "engine/weights/hub.h"
#include "engine/weights/model_hash.h"
#include "engine/words/numbers.h"

namespace engine {

namespace {

constexpr std::uint64_t kOtherFiles = 64 << 20; // room for all but the weights

} // namespace

MergeSource mergeSource(const RunDetail& run, const Sink& sink, std::stop_token stop) {
    const std::string name = "Run " + std::to_string(run.summary.id);
    const MergeSource source{parseRecorded(run.experimentYaml, name).model, adapterFolder(run)};
    const std::filesystem::path model = resolveModel(source.model.path);
    if (sink) sink(ProgressEvent{0, Stage::CheckModel, 0, 0, 0, -1});
    requireTrainedOn(run, model, modelSha256(model, stop));
    return source;
}

void requireTrainedOn(const RunDetail& run, const std::filesystem::path& model, const std::string& sha256) {
    if (sha256 == run.modelSha256) return;
    throw Error(ErrorCode::BadInput,
                model.string() + " is not the model that run " + std::to_string(run.summary.id) +
                    " was trained on: its files have changed since.",
                "Put back the model's files as they were, or train again.");
}

void requireRoom(const std::filesystem::path& place, std::uint64_t bytes) {
    std::error_code unknown;
    const std::filesystem::space_info space = std::filesystem::space(place.parent_path(), unknown);
    if (unknown || space.available >= bytes + kOtherFiles) return;
    throw Error(ErrorCode::Io,
                "The merged model needs " + bytesText(static_cast<std::int64_t>(bytes)) + ", but its disk has only " +
                    bytesText(static_cast<std::int64_t>(space.available)) + " left.",
                "Make room on the disk or choose another folder.");
}

} // namespace engine
