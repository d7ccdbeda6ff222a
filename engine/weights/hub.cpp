// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/hub.h"
#include "engine/files/json_file.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace engine {

namespace {

namespace fs = std::filesystem;

// resources/setup.sh knows where each comes from.
constexpr std::array<NamedModel, 2> kNamed{
    {{"default", "SmolLM2-135M-Instruct, Apache-2.0", "SmolLM2-135M-Instruct.Q4_1.gguf", "resources/setup.sh"},
     {"gemma-3-270m", "Gemma 3 270M, Gemma Terms of Use", "gemma-3-270m-q4_k_m.gguf",
      "resources/setup.sh --model gemma-3-270m"}}};

std::optional<fs::path> fromEnvironment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value ? std::optional(fs::path(value)) : std::nullopt;
}

/// Entries of a folder that fit, sorted; none when it cannot be read.
template <class Fits> std::vector<fs::path> entries(const fs::path& folder, const Fits& fits) {
    std::vector<fs::path> found;
    std::error_code failed;
    for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed))
        if (fits(at->path())) found.push_back(at->path());
    std::sort(found.begin(), found.end());
    return found;
}

bool isFile(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

bool isFolder(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

bool beginsAsGguf(const fs::path& file) {
    char head[4] = {};
    return std::ifstream(file, std::ios::binary).read(head, sizeof head) && std::string_view(head, sizeof head) == "GGUF";
}

std::vector<fs::path> ggufFiles(const fs::path& folder) {
    return entries(folder, [](const fs::path& p) { return p.extension() == ".gguf" && isFile(p); });
}

std::vector<fs::path> installFolders() {
    std::vector<fs::path> folders;
    if (const auto home = fromEnvironment("PHIBENCH_HOME")) folders.push_back(*home / "models");
    folders.push_back(fs::path(PHIBENCH_DEPS) / "models");
    return folders;
}

fs::path hubCache() {
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
        if (const auto cache = fromEnvironment(name)) return *cache;
    if (const auto home = fromEnvironment("HF_HOME")) return *home / "hub";
    if (const auto cache = fromEnvironment("XDG_CACHE_HOME")) return *cache / "huggingface" / "hub";
    return fromEnvironment("HOME").value_or("/") / ".cache" / "huggingface" / "hub";
}

/// "org/name" or "name".
bool isHubId(const std::string& id) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
               c == '/';
    };
    const auto slash = id.find('/');
    const auto part = [](const std::string& s) {
        return !s.empty() && s.size() <= 96 && s.front() != '.' && s.front() != '-' && s.find("..") == std::string::npos;
    };
    if (id.find("--") != std::string::npos || !std::all_of(id.begin(), id.end(), plain)) return false;
    if (slash == std::string::npos) return part(id);
    return part(id.substr(0, slash)) && part(id.substr(slash + 1)) && id.find('/', slash + 1) == std::string::npos;
}

/// The snapshot that refs/main names, else the newest one.
std::optional<fs::path> snapshotOf(const fs::path& repository) {
    std::string commit;
    std::ifstream(repository / "refs" / "main") >> commit;
    const bool plain =
        !commit.empty() && commit.size() <= 64 && commit.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (plain && isFolder(repository / "snapshots" / commit)) return repository / "snapshots" / commit;
    std::optional<fs::path> newest;
    for (const fs::path& folder : entries(repository / "snapshots", isFolder)) {
        std::error_code ignored;
        if (!newest || fs::last_write_time(folder, ignored) > fs::last_write_time(*newest, ignored)) newest = folder;
    }
    return newest;
}

fs::path repositoryFolder(const fs::path& cache, std::string id) {
    if (const auto slash = id.find('/'); slash != std::string::npos) id.replace(slash, 1, "--");
    return cache / ("models--" + id);
}

using Runs = std::function<bool(const std::string& modelType)>;

/// Of a family that is run, with its weights there.
bool canBeLoaded(const fs::path& repository, const Runs& runs) {
    try {
        const auto snapshot = snapshotOf(repository);
        if (!snapshot) return false;
        const fs::path model = modelIn(*snapshot, {});
        if (model != *snapshot) return true;
        const auto config = readJsonObject(model / "config.json");
        if (!runs(config.value("model_type", std::string()))) return false;
        return isFile(model / "model.safetensors") || isFile(model / "model.safetensors.index.json");
    } catch (const Error&) { return false; } catch (const nlohmann::json::exception&) {
        return false; // model_type is no text
    }
}

bool isOtherNamed(const fs::path& file) {
    return std::any_of(kNamed.begin() + 1, kNamed.end(), [&](const NamedModel& model) { return file.filename() == model.file; });
}

fs::path installedAt(const NamedModel& model) {
    if (&model == kNamed.data()) return defaultModelPath();
    const std::vector<fs::path> folders = installFolders();
    for (const fs::path& folder : folders)
        if (isFile(folder / model.file)) return folder / model.file;
    return folders.front() / model.file;
}

fs::path resolveNamed(const NamedModel& model) {
    const fs::path file = installedAt(model);
    if (isFile(file)) return file;
    std::string folders;
    for (const fs::path& folder : installFolders()) folders += (folders.empty() ? "" : " and ") + folder.string();
    throw Error(ErrorCode::NotFound,
                "The model " + quote(model.name) + " (" + model.title + ") is not installed: there is no " + model.file + " in " +
                    folders + ".",
                std::string("Run ") + model.fetch + ", or give the path of another model.");
}

fs::path resolvePath(const fs::path& path) {
    if (isFolder(path)) return modelIn(path, "Give the folder that holds the model's files.");
    if (path.extension() == ".gguf" || beginsAsGguf(path)) return path;
    throw Error(ErrorCode::BadInput, path.string() + " is no model: a .gguf file or a model's folder is needed.",
                path.extension() == ".safetensors" ? "Give the folder that holds this file and its config.json." : "");
}

} // namespace

fs::path modelIn(const fs::path& folder, const std::string& getIt) {
    if (isFile(folder / "config.json")) return folder;
    const std::vector<fs::path> files = ggufFiles(folder);
    if (files.size() == 1) return files.front();
    if (files.size() > 1) {
        std::string names;
        for (const fs::path& file : files) names += (names.empty() ? "" : ", ") + file.filename().string();
        throw Error(ErrorCode::BadInput, folder.string() + " holds several models: " + names + ".",
                    "Give the path of one of them.");
    }
    if (isFile(folder / "adapter_config.json"))
        throw Error(ErrorCode::BadInput, folder.string() + " holds an adapter, not a model.",
                    "Give its base as the model and this folder as the adapter.");
    throw Error(ErrorCode::NotFound, folder.string() + " holds no model: it has neither a config.json nor a .gguf file.", getIt);
}

std::span<const NamedModel> namedModels() {
    return kNamed;
}

const NamedModel* findNamedModel(const std::string& name) {
    const auto at = std::find_if(kNamed.begin(), kNamed.end(), [&](const NamedModel& model) { return name == model.name; });
    return at == kNamed.end() ? nullptr : &*at;
}

std::string namedModelsText() {
    std::string text;
    for (const NamedModel& model : kNamed) text += std::string(text.empty() ? "" : ", ") + model.name + " (" + model.title + ")";
    return text;
}

fs::path defaultModelPath() {
    const std::vector<fs::path> folders = installFolders();
    for (const fs::path& folder : folders)
        for (const fs::path& file : ggufFiles(folder))
            if (!isOtherNamed(file)) return file;
    return folders.front() / kNamed.front().file;
}

fs::path derivedCache() {
    return hubCache().parent_path() / "phibench";
}

fs::path resolveModel(const std::string& model) {
    if (model.empty())
        throw Error(ErrorCode::BadInput, "No model was given.", "Give a folder, a .gguf file, a hub id, or default.");
    if (const NamedModel* named = findNamedModel(model)) return resolveNamed(*named);
    fs::path path = model;
    if (const auto home = fromEnvironment("HOME"); home && model.starts_with("~/")) path = *home / model.substr(2);
    std::error_code ignored;
    if (fs::exists(path, ignored)) return resolvePath(path);
    if (!isHubId(model))
        throw Error(ErrorCode::NotFound, "There is no file or folder " + quote(model) + ".",
                    "Give a folder, a .gguf file, a hub id such as microsoft/phi-2, or default.");
    const std::string getIt = "Get it with: phibench-cli models get " + model;
    const fs::path cache = hubCache();
    const auto snapshot = snapshotOf(repositoryFolder(cache, model));
    if (!snapshot)
        throw Error(ErrorCode::NotFound,
                    "The model " + quote(model) + " is neither a file or folder here nor in the hub cache " + cache.string() +
                        ".",
                    getIt);
    return modelIn(*snapshot, getIt);
}

std::vector<std::string> installedModels(const Runs& runs) {
    std::vector<std::string> models;
    for (const NamedModel& model : kNamed)
        if (isFile(installedAt(model))) models.push_back(model.name);
    constexpr std::string_view kPrefix = "models--";
    for (const fs::path& repository : entries(hubCache(), isFolder)) {
        std::string id = repository.filename().string();
        if (!id.starts_with(kPrefix)) continue;
        id.erase(0, kPrefix.size());
        if (const auto slash = id.find("--"); slash != std::string::npos) id.replace(slash, 2, "/");
        if (isHubId(id) && canBeLoaded(repository, runs)) models.push_back(id);
    }
    return models;
}

} // namespace engine
