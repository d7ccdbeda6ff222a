// SPDX-License-Identifier: GPL-3.0-or-later
// Two bytes of length, a config, then the tensors' file: an Error, or an adapter whose parts fit each other.
#include "engine/weights/adapter_file.h"
#include "tests/fuzz/memory_file.h"

#include <algorithm>

namespace {

namespace fs = std::filesystem;

/// A folder whose two files are links to whatever is fuzzed now.
class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "fuzz_adapter.XXXXXX").string();
        if (!::mkdtemp(name.data())) std::abort();
        m_path = name;
    }
    ~Folder() { fs::remove_all(m_path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    void link(const char* name, const MemoryFile& file) const {
        fs::remove(m_path / name);
        fs::create_symlink(file.path(), m_path / name);
    }
    const fs::path& path() const { return m_path; }

private:
    fs::path m_path;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Folder folder;
    if (size < 2) return 0;
    const std::size_t configSize = std::min<std::size_t>(data[0] + 256u * data[1], size - 2);
    const MemoryFile config(data + 2, configSize), tensors(data + 2 + configSize, size - 2 - configSize);
    folder.link("adapter_config.json", config);
    folder.link("adapter_model.safetensors", tensors);
    try {
        const engine::AdapterFile adapter = engine::readAdapter(folder.path());
        if (adapter.modules.empty() || adapter.spec.targets.empty()) std::abort();
        for (const engine::AdapterModule& module : adapter.modules)
            if (module.a.shape[0] != module.r || module.b.shape[1] != module.r) std::abort();
    } catch (const engine::Error&) {}
    return 0;
}
