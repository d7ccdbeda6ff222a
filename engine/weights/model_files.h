// SPDX-License-Identifier: GPL-3.0-or-later
// The weights of a Hugging Face folder: model.safetensors, or the shards that model.safetensors.index.json names.
#pragma once
#include "engine/weights/safetensors.h"

#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

namespace engine {

class ModelFiles {
public:
    /// Throws Error naming every missing shard, a tensor that its shard does not hold, or one that two shards hold;
    /// a folder with pickled weights only is refused with advice.
    explicit ModelFiles(const std::filesystem::path& folder);
    const std::filesystem::path& folder() const { return m_folder; }
    const TensorView* find(const std::string& name) const; // nullptr: not there
    /// Throws Error(NotFound) naming folder and tensor.
    const TensorView& tensor(const std::string& name) const;
    const std::vector<TensorView>& tensors() const { return m_tensors; }
    const std::vector<std::filesystem::path>& files() const { return m_paths; }

private:
    void open(const std::filesystem::path& file);
    void openShards(const std::filesystem::path& index);

    std::filesystem::path m_folder;
    std::vector<std::filesystem::path> m_paths;
    std::vector<SafetensorsFile> m_files;
    std::vector<TensorView> m_tensors;
    std::unordered_map<std::string, std::size_t> m_index;
};

} // namespace engine
