// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/model_files.h"
#include "engine/files/json_file.h"

#include <algorithm>
#include <map>

namespace engine {

namespace {

namespace fs = std::filesystem;

/// Index files come from strangers: only plain names beside the index are followed.
bool isBareName(const std::string& name) {
    return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string("/\\\0", 3)) == std::string::npos &&
           name.ends_with(".safetensors");
}

/// The first file of pickled weights.
std::string pickled(const fs::path& folder) {
    std::error_code ignored;
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder, ignored)) {
        const std::string name = entry.path().filename().string();
        if ((name.starts_with("pytorch_model") && name.ends_with(".bin")) || name.ends_with(".pth") || name.ends_with(".pt"))
            names.push_back(name);
    }
    return names.empty() ? std::string() : *std::min_element(names.begin(), names.end());
}

} // namespace

ModelFiles::ModelFiles(const fs::path& folder) : m_folder(folder) {
    std::error_code ignored;
    if (!fs::is_directory(folder, ignored))
        throw Error(ErrorCode::NotFound, folder.string() + " is no folder.", "Give the folder of a model, or a .gguf file.");
    const fs::path whole = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
    if (fs::exists(whole, ignored)) {
        open(whole);
    } else if (fs::exists(index, ignored)) {
        openShards(index);
    } else if (const std::string name = pickled(folder); !name.empty()) {
        throw Error(ErrorCode::BadInput,
                    folder.string() + ": the weights lie in " + quote(name) +
                        ", a Python pickle, which could run any code when opened.",
                    "Get the model's safetensors files, or convert it in transformers: from_pretrained(folder), then "
                    "save_pretrained(new_folder).");
    } else if (fs::is_symlink(whole, ignored) || fs::is_symlink(index, ignored)) {
        throw Error(ErrorCode::NotFound, folder.string() + ": the link to the weights leads nowhere.",
                    "The download may be incomplete: fetch the model again.");
    } else {
        throw Error(ErrorCode::NotFound, folder.string() + " has neither model.safetensors nor model.safetensors.index.json.",
                    "The download may be incomplete: fetch the model again.");
    }
}

void ModelFiles::open(const fs::path& file) {
    m_files.emplace_back(file);
    for (const TensorView& tensor : m_files.back().tensors()) {
        if (!m_index.emplace(tensor.name, m_tensors.size()).second)
            throw Error(ErrorCode::BadInput,
                        file.string() + ": the tensor " + quote(tensor.name) + " is in another file of this model as well.",
                        "Fetch the model again.");
        m_tensors.push_back(tensor);
    }
    m_paths.push_back(file);
}

void ModelFiles::openShards(const fs::path& index) {
    const nlohmann::json json = readJsonObject(index);
    const auto refuse = [&](const std::string& what) {
        throw Error(ErrorCode::BadInput, index.string() + ": " + what, "Fetch the model again.");
    };
    if (!json.contains("weight_map") || !json["weight_map"].is_object() || json["weight_map"].empty())
        refuse("weight_map is missing or empty.");
    std::map<std::string, std::vector<std::string>> shards; // file to the tensors it should hold
    for (const auto& [tensor, file] : json["weight_map"].items()) {
        if (!file.is_string() || !isBareName(file.get<std::string>()))
            refuse("the tensor " + quote(tensor) + " is said to lie in " + quote(file.dump()) +
                   "; only .safetensors files beside the index are read.");
        shards[file.get<std::string>()].push_back(tensor);
    }
    std::string missing;
    std::error_code ignored;
    for (const auto& [file, tensors] : shards)
        if (!fs::exists(m_folder / file, ignored)) missing += (missing.empty() ? "" : ", ") + file;
    if (!missing.empty())
        throw Error(ErrorCode::NotFound, m_folder.string() + " lacks files that its index names: " + missing + ".",
                    "The download is incomplete: fetch the model again.");
    m_files.reserve(shards.size());
    for (const auto& [file, tensors] : shards) {
        open(m_folder / file);
        for (const std::string& tensor : tensors)
            if (!m_files.back().find(tensor))
                refuse("the tensor " + quote(tensor) + " is not in " + file + ", where it should be.");
    }
}

const TensorView* ModelFiles::find(const std::string& name) const {
    const auto at = m_index.find(name);
    return at == m_index.end() ? nullptr : &m_tensors[at->second];
}

const TensorView& ModelFiles::tensor(const std::string& name) const {
    if (const TensorView* found = find(name)) return *found;
    throw Error(ErrorCode::NotFound, m_folder.string() + ": the tensor " + quote(name) + " is missing.",
                "The files are incomplete or of another kind of model.");
}

} // namespace engine
