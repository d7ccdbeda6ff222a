// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/adapter_file.h"
#include "engine/files/new_file.h"
#include "engine/kernels/kernels.h"
#include "engine/weights/adapter_config.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>

namespace engine {

namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "adapter_config.json";
constexpr const char* kTensorsName = "adapter_model.safetensors";
constexpr const char* kMlxName = "adapters.safetensors";
constexpr std::string_view kRoot = "base_model.model.", kA = ".lora_A.weight", kB = ".lora_B.weight", kBias = ".bias",
                           kWeight = ".weight", kWrapped = ".base_layer.bias";

/// The name without the root and an ending; none when it has not both.
std::optional<std::string> stem(std::string_view name, std::string_view ending) {
    if (!name.starts_with(kRoot) || !name.ends_with(ending) || name.size() <= kRoot.size() + ending.size()) return {};
    return std::string(name.substr(kRoot.size(), name.size() - kRoot.size() - ending.size()));
}

fs::path requireFiles(const fs::path& folder) {
    std::error_code ignored;
    if (fs::exists(folder / kTensorsName, ignored) && fs::exists(folder / kConfigName, ignored)) return folder;
    if (folder.extension() == ".gguf")
        throw Error(ErrorCode::BadInput, folder.string() + " is a GGUF file; adapters are read in PEFT's format.",
                    "Give the folder that holds adapter_config.json and adapter_model.safetensors.");
    if (!fs::is_directory(folder, ignored))
        throw Error(ErrorCode::NotFound, folder.string() + " is no folder.",
                    "Give the folder that holds adapter_config.json and adapter_model.safetensors.");
    if (!fs::exists(folder / kConfigName, ignored))
        throw Error(ErrorCode::NotFound, folder.string() + " holds no adapter: adapter_config.json is missing.",
                    "Give a folder that PEFT or Phibench has saved.");
    if (fs::exists(folder / kMlxName, ignored))
        throw Error(ErrorCode::BadInput,
                    folder.string() + " holds an adapter of MLX (" + kMlxName + "), which Phibench does not read.",
                    "Phibench reads adapters in PEFT's format, adapter_model.safetensors: convert it, or train one here.");
    if (fs::exists(folder / "adapter_model.bin", ignored))
        throw Error(ErrorCode::BadInput,
                    folder.string() +
                        ": the adapter's weights are a Python pickle (adapter_model.bin), which could run any code when opened.",
                    "Load it in PEFT and save it again: save_pretrained writes adapter_model.safetensors.");
    throw Error(ErrorCode::NotFound, folder.string() + " holds no adapter: adapter_model.safetensors is missing.",
                "Copy the whole folder again.");
}

bool isHead(const std::string& module) {
    const std::string last = module.substr(module.rfind('.') + 1);
    return last == "lm_head" || last == "embed_out" || last == "score" || last == "classifier";
}

/// "default" of "….lora_A.default.weight", as a live model calls its tensors; "": none.
std::string nameLeftIn(const std::string& tensor) {
    for (const std::string_view part : {".lora_A.", ".lora_B."}) {
        const std::size_t at = tensor.find(part);
        if (at == std::string::npos || !tensor.ends_with(kWeight)) continue;
        const std::size_t begin = at + part.size(), end = tensor.size() - kWeight.size();
        if (begin < end) return tensor.substr(begin, end - begin);
    }
    return {};
}

/// The first element that is NaN or infinite; -1: none.
std::int64_t firstNotFinite(const TensorView& tensor) {
    std::vector<float> values(static_cast<std::size_t>(tensor.count()));
    toFloat(tensor, values.data());
    return kernels::firstNotFinite(values.data(), tensor.count(), kernels::Scalar::F32);
}

using OnProblem = std::function<void(const Error&)>;

/// Sorts an adapter's tensors into modules and biases.
class Sorter {
public:
    Sorter(const fs::path& folder, const AdapterConfig& config)
        : m_folder(folder), m_file(folder / kTensorsName), m_config(config) {}

    /// Tells each kind of tensor that has no place once, and of how many others the same is true; false if there are any.
    bool add(const std::vector<TensorView>& tensors, const OnProblem& onProblem) {
        struct Refused {
            const TensorView* first = nullptr;
            Reason reason;
            std::size_t others = 0;
        };
        std::vector<Refused> refused;
        for (const TensorView& tensor : tensors) {
            const Reason reason = place(tensor);
            if (reason.what.empty()) continue;
            const auto same =
                std::find_if(refused.begin(), refused.end(), [&](const Refused& r) { return r.reason.what == reason.what; });
            if (same == refused.end())
                refused.push_back({&tensor, reason});
            else
                ++same->others;
        }
        for (const Refused& r : refused)
            onProblem(problem(*r.first,
                              r.reason.what + (r.others ? " So " + std::string(r.others > 1 ? "are " : "is ") +
                                                              std::to_string(r.others) + (r.others > 1 ? " others." : " other.")
                                                        : ""),
                              r.reason.hint));
        return refused.empty();
    }
    std::vector<AdapterModule> modules() const {
        if (m_modules.empty())
            throw Error(ErrorCode::BadInput, m_file.string() + " holds no LoRA tensor.", "Save the adapter again.");
        std::vector<AdapterModule> modules;
        for (const auto& [path, pair] : m_modules) {
            if (!pair.a || !pair.b)
                throw Error(ErrorCode::BadInput,
                            m_file.string() + ": the layer " + quote(path) + " has only lora_" + (pair.a ? "A" : "B") + ".",
                            "The file is incomplete: save the adapter again.");
            modules.push_back(module(path, *pair.a, *pair.b));
        }
        for (const AdapterModule& one : modules)
            if (!named([&] { return m_config.adapts(one.name); }))
                throw problem(one.a,
                              "is of a layer that adapter_config.json leaves out (target_modules, layers_to_transform, "
                              "exclude_modules), so PEFT would not load it.",
                              "Save the adapter again, with the layer among target_modules.");
        return modules;
    }
    std::vector<AdapterBias> biases() const {
        if (!m_biases.empty() && m_config.spec.bias == TrainedBiases::None)
            refuse(*m_biases.begin()->second, "is a bias, but adapter_config.json says bias none.");
        std::vector<AdapterBias> biases;
        for (const auto& [name, tensor] : m_biases) biases.push_back({name, *tensor});
        return biases;
    }

private:
    struct Pair {
        const TensorView *a = nullptr, *b = nullptr;
    };

    /// Why a tensor has no place in an adapter; an empty `what`: it has.
    struct Reason {
        std::string what, hint;
    };

    Error problem(const TensorView& tensor, const std::string& what, const std::string& hint = {}) const {
        return {ErrorCode::BadInput,
                m_file.string() + ": the tensor " + quote(tensor.name) + " " + shapeText(tensor.shape) + " " + what, hint};
    }
    [[noreturn]] void refuse(const TensorView& tensor, const std::string& what) const { throw problem(tensor, what); }

    Reason place(const TensorView& tensor) {
        if (!canBeWeights(tensor.type) || isQuantized(tensor.type))
            return {"holds " + toString(tensor.type) + " where real numbers are needed.", {}};
        if (const auto path = stem(tensor.name, kA)) return isHead(*path) ? headReason() : part(m_modules[*path].a, tensor, 2);
        if (const auto path = stem(tensor.name, kB)) return isHead(*path) ? headReason() : part(m_modules[*path].b, tensor, 2);
        if (const auto path = stem(tensor.name, kWrapped)) return part(m_biases[*path + std::string(kBias)], tensor, 1);
        if (const auto path = stem(tensor.name, kBias)) return part(m_biases[*path + std::string(kBias)], tensor, 1);
        if (tensor.name.find("lora_magnitude_vector") != std::string::npos)
            return {"belongs to DoRA, which Phibench does not support.", {}};
        if (tensor.name.find("lora_embedding_") != std::string::npos)
            return {"adapts an embedding, which Phibench does not support.", {}};
        if (const std::string name = nameLeftIn(tensor.name); !name.empty())
            return {"is no part of a LoRA adapter as PEFT saves it: the adapter's name, " + quote(name) +
                        ", is left in the tensor's.",
                    "It was written from a model's state_dict: save it with PEFT's save_pretrained."};
        if (tensor.name.ends_with(kWeight) && tensor.name.starts_with(kRoot) && tensor.name.find(".lora_") == std::string::npos)
            return {"is no part of a LoRA adapter but a whole layer, saved with it (modules_to_save), which Phibench does not "
                    "support.",
                    {}};
        return {"is no part of a LoRA adapter.", {}};
    }
    static Reason headReason() {
        return {"adapts the model's head, which Phibench does not support: only layers of the decoder are adapted.",
                "Train it without lm_head among target_modules."};
    }
    Reason part(const TensorView*& place, const TensorView& tensor, std::size_t rank) const {
        if (place) return {"is there under another name as well: " + quote(place->name) + ".", {}};
        if (tensor.shape.size() != rank || tensor.count() == 0)
            return {"should have " + std::to_string(rank) + " dimension" + (rank > 1 ? "s." : "."), {}};
        if (const std::int64_t at = firstNotFinite(tensor); at >= 0)
            return {"holds a NaN or infinite value at " +
                        (rank > 1 ? shapeText({at / tensor.shape[1], at % tensor.shape[1]}) : shapeText({at})) + ".",
                    "The file is damaged, or its training went wrong: train it again."};
        place = &tensor;
        return {};
    }
    template <class T>
    T chosen(const std::vector<std::pair<std::string, T>>& patterns, const std::string& path, T otherwise) const {
        return named([&] {
            for (const auto& [pattern, value] : patterns)
                if (patternFits(pattern, path)) return value;
            return otherwise;
        });
    }
    /// What f gives; a pattern that it cannot use is refused with the file's name.
    template <class F> std::invoke_result_t<F> named(const F& f) const {
        try {
            return f();
        } catch (const Error& error) {
            throw Error(ErrorCode::BadInput, (m_folder / kConfigName).string() + ": " + error.message());
        }
    }
    AdapterModule module(const std::string& path, const TensorView& a, const TensorView& b) const {
        const std::int64_t r = chosen(m_config.rankPattern, path, m_config.spec.r);
        const double alpha = chosen(m_config.alphaPattern, path, m_config.spec.alpha);
        if (a.shape[0] != r || b.shape[1] != r)
            refuse(a, "and " + quote(b.name) + " " + shapeText(b.shape) + " do not fit the rank " + std::to_string(r) +
                          " of adapter_config.json: [r, in] and [out, r] are needed.");
        const double rank = static_cast<double>(r);
        return {path, r, alpha, alpha / (m_config.spec.rslora ? std::sqrt(rank) : rank), a, b};
    }

    fs::path m_folder, m_file;
    const AdapterConfig& m_config;
    std::map<std::string, Pair> m_modules;
    std::map<std::string, const TensorView*> m_biases;
};

void refuseOccupied(const fs::path& folder) {
    std::error_code failed;
    if (!fs::exists(folder, failed)) return;
    const auto refuse = [&](const std::string& what) {
        throw Error(ErrorCode::BadInput, folder.string() + " " + what + ", so no adapter is written there.",
                    "Give a new folder.");
    };
    if (!fs::is_directory(folder, failed)) refuse("is a file");
    const std::set<std::string> ours{kConfigName, kTensorsName, "README.md"};
    for (const auto& entry : fs::directory_iterator(folder, failed))
        if (!ours.contains(entry.path().filename().string())) refuse("holds " + quote(entry.path().filename().string()));
    if (failed) throw Error(ErrorCode::Io, folder.string() + " cannot be read: " + failed.message() + ".");
}

bool isPattern(const std::string& target) {
    return target.find_first_of(".*+?()[]|^$\\") != std::string::npos;
}

/// Names that PEFT finds in the Hugging Face model: last parts of paths where whole kinds of layers are adapted, else the paths
/// themselves.
std::vector<std::string> peftTargets(const LoraSpec& spec, const std::set<std::string>& modules) {
    const bool byPath = std::any_of(spec.targets.begin(), spec.targets.end(), isPattern);
    std::set<std::string> names;
    for (const std::string& path : modules) names.insert(byPath ? path : path.substr(path.rfind('.') + 1));
    return {names.begin(), names.end()};
}

AdapterFile read(const fs::path& given, const OnProblem& onProblem) {
    const fs::path folder = requireFiles(given);
    AdapterConfig config = readAdapterConfig(folder / kConfigName, onProblem);
    AdapterFile adapter{config.spec,
                        config.baseModel,
                        {config.rankPattern.begin(), config.rankPattern.end()},
                        {config.alphaPattern.begin(), config.alphaPattern.end()},
                        SafetensorsFile(folder / kTensorsName),
                        {},
                        {}};
    Sorter sorter(folder, config);
    if (sorter.add(adapter.tensors.tensors(), onProblem)) {
        adapter.modules = sorter.modules();
        adapter.biases = sorter.biases();
    }
    if (!config.targetsAreWhole) {
        adapter.spec.targets.clear();
        for (const AdapterModule& module : adapter.modules) adapter.spec.targets.push_back(module.name);
    }
    return adapter;
}

} // namespace

bool AdapterFile::isUniform() const {
    return std::all_of(modules.begin(), modules.end(),
                       [&](const AdapterModule& m) { return m.r == modules.front().r && m.alpha == modules.front().alpha; });
}

AdapterFile readAdapter(const fs::path& given) {
    return read(given, [](const Error& error) { throw error; });
}

std::vector<Error> adapterProblems(const fs::path& folder) {
    std::vector<Error> problems;
    try {
        read(folder, [&](const Error& error) { problems.push_back(error); });
    } catch (const Error& error) { problems.push_back(error); }
    return problems;
}

void writeAdapter(const fs::path& given, const LoraSpec& spec, const AdapterTask& task, std::span<const TensorView> tensors) {
    fs::path folder = fs::absolute(given).lexically_normal();
    if (!folder.has_filename()) folder = folder.parent_path(); // "adapter/"
    refuseOccupied(folder);
    std::set<std::string> modules;
    for (const TensorView& tensor : tensors)
        if (const auto path = stem(tensor.name, kA)) modules.insert(*path);
    std::vector<TensorView> renamed(tensors.begin(), tensors.end());
    for (TensorView& tensor : renamed) { // PEFT keeps a wrapped layer's own bias one level down
        const auto path = stem(tensor.name, kBias);
        if (path && modules.contains(*path)) tensor.name = std::string(kRoot) + *path + std::string(kWrapped);
    }
    NewFolder place(folder);
    writeSafetensors(place.path() / kTensorsName, renamed, {{"format", "pt"}});
    NewFile config(place.path() / kConfigName);
    config.write(adapterConfigText(spec, peftTargets(spec, modules), task.baseModel));
    config.commit();
    readAdapter(place.path()); // what would not load again is never put in place
    place.commit();
}

} // namespace engine
