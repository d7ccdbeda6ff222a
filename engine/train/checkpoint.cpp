// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/checkpoint.h"
#include "engine/files/json_file.h"
#include "engine/files/mapped_file.h"
#include "engine/files/new_file.h"
#include "engine/files/sha256.h"
#include "engine/train/checkpoint_settings.h"
#include "engine/weights/safetensors.h"

#include <algorithm>
#include <charconv>
#include <compare>
#include <cstring>
#include <nlohmann/json.hpp>

namespace engine {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kTensors = "tensors.safetensors";
constexpr const char* kState = "state.json";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kPrefix = "checkpoint-";
constexpr int kFormat = 2; // of state.json; 1 had a sum over the settings in their place

/// "checkpoint-STEP", or "checkpoint-STEP.N" where that step was written again: nothing is ever overwritten.
struct Name {
    std::int64_t step = -1, again = 0;
    auto operator<=>(const Name&) const = default;
};
Name nameOf(const fs::path& path) {
    const std::string text = path.filename().string();
    Name name;
    if (!text.starts_with(kPrefix)) return name;
    const char *begin = text.data() + std::strlen(kPrefix), *end = text.data() + text.size();
    std::from_chars_result read = std::from_chars(begin, end, name.step);
    if (read.ec == std::errc() && read.ptr != end && *read.ptr == '.') read = std::from_chars(read.ptr + 1, end, name.again);
    return read.ec == std::errc() && read.ptr == end ? name : Name{};
}

/// Checkpoints in a folder, newest first, and folders that a writer left behind.
struct Found {
    std::vector<fs::path> whole, leftOver;
};
Found find(const fs::path& folder) {
    Found found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        if (!entry.is_directory(error)) continue;
        if (nameOf(entry.path()).step >= 0)
            found.whole.push_back(entry.path());
        else if (entry.path().filename().string().starts_with(std::string(".") + kPrefix))
            found.leftOver.push_back(entry.path());
    }
    std::sort(found.whole.begin(), found.whole.end(), [](const fs::path& a, const fs::path& b) { return nameOf(a) > nameOf(b); });
    return found;
}

[[noreturn]] void cannot(const fs::path& path, const std::string& doing, const std::error_code& error) {
    throw Error(ErrorCode::Io, "The checkpoint " + path.string() + " cannot be " + doing + ": " + error.message() + ".",
                "The one before it is kept.");
}

void writeJson(const fs::path& file, const Json& json) {
    NewFile out(file);
    out.write(json.dump(2) + "\n");
    out.commit();
}

TensorView view(const std::string& name, const at::Tensor& tensor) {
    const auto count = static_cast<std::size_t>(tensor.numel());
    return {name, DType::F32, {tensor.numel()}, std::as_bytes(std::span(tensor.const_data_ptr<float>(), count))};
}

/// What is wrong with a checkpoint's files, a sentence; empty when each is as the manifest says.
std::string damage(const fs::path& checkpoint) {
    try {
        const Json manifest = readJsonObject(checkpoint / kManifest, 1 << 20);
        for (const char* name : {kTensors, kState}) {
            const fs::path file = checkpoint / name;
            const Json& entry = manifest.at("files").at(name);
            const std::uintmax_t bytes = MappedFile(file).bytes().size(), written = entry.at("bytes").get<std::uintmax_t>();
            if (bytes != written)
                return file.string() + " is damaged: it has " + std::to_string(bytes) + " bytes, but " + std::to_string(written) +
                       " were written.";
            if (sha256File(file) != entry.at("sha256").get<std::string>())
                return file.string() + " is damaged: its SHA-256 is not the manifest's.";
        }
        return {};
    } catch (const Json::exception&) {
        return (checkpoint / kManifest).string() + " is damaged: it lacks what a manifest holds.";
    } catch (const Error& error) { return error.message(); }
}

/// How the settings in a state.json are others than this training's; empty: they are not.
std::string otherSettings(const Json& state, const TrainIdentity& identity) {
    const int format = state.at("format").get<int>();
    if (format == 1)
        return state.at("settings") == fingerprintOfFormat1(identity.recorded) ? "" : "belongs to a training with other settings";
    if (format != kFormat) return "was written by a newer Phibench";
    Params kept;
    for (const auto& [key, value] : state.at("settings").items()) kept.emplace_back(key, value.get<std::string>());
    return differenceOfSettings(kept, identity.settings);
}

} // namespace

fs::path writeCheckpoint(const fs::path& folder, const TrainState& state, Lora& lora, const AdamW& optimizer,
                         const TrainIdentity& identity) {
    std::error_code error;
    const Found before = find(folder);
    Name own{state.step, 0};
    for (const fs::path& path : before.whole)
        if (const Name other = nameOf(path); other.step == own.step) own.again = std::max(own.again, other.again + 1);
    const fs::path place = folder / (kPrefix + std::to_string(own.step) + (own.again > 0 ? "." + std::to_string(own.again) : ""));
    const fs::path work = temporaryBeside(place);
    for (const fs::path& path : before.leftOver) fs::remove_all(path, error);
    if (!fs::create_directories(work, error)) cannot(work, "made", error);
    try {
        const std::vector<TensorView> tensors{view("values", lora.values()), view("first_moments", optimizer.first()),
                                              view("second_moments", optimizer.second())};
        writeSafetensors(work / kTensors, tensors, {{"format", "pt"}});
        Json settings = Json::object();
        for (const auto& [key, value] : identity.settings) settings[key] = value;
        writeJson(work / kState, {{"format", kFormat},
                                  {"step", state.step},
                                  {"evaluated_step", state.evaluatedStep},
                                  {"last_loss", state.lastLoss},
                                  {"best_loss", state.bestLoss},
                                  {"best_step", state.bestStep},
                                  {"seconds", state.seconds},
                                  {"examples", state.examples},
                                  {"optimizer_steps", optimizer.steps()},
                                  {"settings", settings},
                                  {"dataset", identity.dataset},
                                  {"model", identity.model}});
        Json files = Json::object();
        for (const char* name : {kTensors, kState})
            files[name] = {{"bytes", fs::file_size(work / name)}, {"sha256", sha256File(work / name)}};
        writeJson(work / kManifest, {{"format", 1}, {"files", files}});
        fs::rename(work, place);
        syncFolder(folder);
    } catch (const fs::filesystem_error& failure) {
        fs::remove_all(work, error);
        cannot(place, "written", failure.code());
    } catch (...) {
        fs::remove_all(work, error);
        throw;
    }
    for (const fs::path& path : before.whole) fs::remove_all(path, error);
    return place;
}

std::optional<fs::path> newestCheckpoint(const fs::path& folder, std::vector<std::string>& damaged) {
    for (const fs::path& path : find(folder).whole) {
        const std::string wrong = damage(path);
        if (wrong.empty()) return path;
        damaged.push_back(wrong);
    }
    return std::nullopt;
}

TrainState readCheckpoint(const fs::path& checkpoint, Lora& lora, AdamW& optimizer, const TrainIdentity& identity) {
    const auto refuse = [&](const std::string& what) {
        throw Error(ErrorCode::BadInput, "The checkpoint " + checkpoint.string() + " " + what + ".",
                    "Start a new run instead of resuming.");
    };
    if (const std::string wrong = damage(checkpoint); !wrong.empty())
        throw Error(ErrorCode::Io, wrong, "Start a new run instead of resuming.");
    const Json json = readJsonObject(checkpoint / kState, 1 << 20);
    TrainState state;
    try {
        if (const std::string other = otherSettings(json, identity); !other.empty()) refuse(other);
        if (json.at("dataset") != identity.dataset) refuse("was trained on other data");
        if (json.at("model") != identity.model) refuse("belongs to another base model");
        state.step = json.at("step").get<std::int64_t>();
        state.evaluatedStep = json.at("evaluated_step").get<std::int64_t>();
        state.lastLoss = json.at("last_loss").get<double>();
        state.bestLoss = json.at("best_loss").get<double>();
        state.bestStep = json.at("best_step").get<std::int64_t>();
        state.seconds = json.at("seconds").get<double>();
        state.examples = json.at("examples").get<std::int64_t>();
        optimizer.setSteps(json.at("optimizer_steps").get<std::int64_t>());
    } catch (const Json::exception&) { refuse("has a state.json that lacks what it should hold"); }
    const SafetensorsFile file(checkpoint / kTensors);
    const auto load = [&](const char* name, at::Tensor into) {
        const TensorView* tensor = file.find(name);
        if (!tensor || tensor->type != DType::F32 || tensor->count() != into.numel()) {
            refuse("holds another number of trained values than this adapter has");
            return;
        }
        std::memcpy(into.mutable_data_ptr<float>(), tensor->bytes.data(), tensor->bytes.size());
    };
    load("values", lora.values());
    load("first_moments", optimizer.first());
    load("second_moments", optimizer.second());
    lora.touch();
    return state;
}

std::string checkpointSha256(const fs::path& checkpoint) {
    return sha256File(checkpoint / kManifest);
}

} // namespace engine
