// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/adapter_io.h"
#include "engine/architecture/names.h"
#include "engine/weights/adapter_config.h"
#include "engine/weights/adapter_file.h"
#include "engine/weights/hub.h"

#include <ATen/Functions.h>
#include <algorithm>
#include <set>

namespace engine {

namespace {

constexpr const char* kWeight = ".weight";

/// A model's layer and the adapter's module that sits on it, or on several at once.
struct Match {
    LinearShape layer;
    const AdapterModule* module = nullptr;
    FileName place;
};

class Reading {
public:
    Reading(const std::filesystem::path& folder, const DecoderConfig& config)
        : m_folder(folder), m_config(config), m_file(readAdapter(folder)) {}

    std::shared_ptr<Lora> lora() {
        match();
        LoraSpec spec = m_file.spec;
        spec.targets = targets(spec.targets);
        spec.r = 0;
        for (const Match& match : m_matches) spec.r = std::max(spec.r, match.module->r);
        auto lora = std::make_shared<Lora>(m_config, spec, 0);
        lora->values().zero_();
        for (Lora::Module& module : lora->modules())
            fill(module,
                 *std::find_if(m_matches.begin(), m_matches.end(), [&](const Match& m) { return m.layer.name == module.name; }));
        for (Lora::Bias& bias : lora->biasTerms()) fill(bias);
        for (const AdapterBias& bias : m_file.biases)
            if (!m_usedBiases.count(bias.name)) refuse("trains the bias " + bias.name + ", which is not one of the model's");
        lora->touch();
        return lora;
    }

private:
    [[noreturn]] void refuse(const std::string& what) const {
        throw Error(ErrorCode::BadInput, "The adapter " + m_folder.string() + " " + what + " (" + m_config.name + ").",
                    m_file.baseModel.empty() ? "Choose the model that it was trained on."
                                             : "It was trained on " + m_file.baseModel + ": choose that model.");
    }

    static at::Tensor floats(const TensorView& view) {
        at::Tensor values = at::empty(view.shape, at::kFloat);
        toFloat(view, values.mutable_data_ptr<float>());
        return values;
    }

    void match() {
        std::set<const AdapterModule*> used;
        for (const LinearShape& layer : linearLayers(m_config))
            for (const FileName& name : folderNames(m_config, layer.name + kWeight)) {
                const auto module = std::find_if(m_file.modules.begin(), m_file.modules.end(),
                                                 [&](const AdapterModule& m) { return m.name + kWeight == name.name; });
                if (module == m_file.modules.end()) continue;
                m_matches.push_back({layer, &*module, name});
                used.insert(&*module);
                break;
            }
        for (const AdapterModule& module : m_file.modules)
            if (!used.count(&module)) refuse("sits on the layer " + module.name + ", which is not one of the model's");
        if (m_matches.empty()) refuse("sits on no layer of the model");
    }

    /// The configured targets where they choose just the layers that the file holds, else those layers' paths. Refuses a file
    /// that lacks one of them, which would go without its part of the adapter.
    std::vector<std::string> targets(const std::vector<std::string>& configured) const {
        std::vector<std::string> held;
        for (const Match& match : m_matches) held.push_back(match.layer.name);
        std::set<std::string> chosen;
        bool allFit = true;
        for (const std::string& target : configured) {
            std::vector<LinearShape> layers;
            try {
                layers = chooseTargets(m_config, {target});
            } catch (const Error&) {
                allFit = false; // a name of another family: the file's own layers decide
            }
            for (const LinearShape& layer : layers) {
                if (std::find(held.begin(), held.end(), layer.name) == held.end())
                    refuse("says that it sits on " + quote(target) + ", but holds no tensors for " + layer.name);
                chosen.insert(layer.name);
            }
        }
        return allFit && chosen.size() == held.size() ? configured : held;
    }

    void fill(Lora::Module& module, const Match& match) const {
        const AdapterModule& from = *match.module;
        const std::vector<std::int64_t> a{from.r, match.layer.in}, b{match.layer.out * match.place.parts, from.r};
        if (from.a.shape != a)
            refuse("has " + shapeText(from.a.shape) + " for lora_A of " + from.name + " where the model needs " + shapeText(a));
        if (from.b.shape != b)
            refuse("has " + shapeText(from.b.shape) + " for lora_B of " + from.name + " where the model needs " + shapeText(b));
        module.a.narrow(0, 0, from.r).copy_(floats(from.a));
        at::Tensor rows = floats(from.b);
        if (match.place.interleaved)
            rows = rows.view({-1, match.place.parts, m_config.head_dim, from.r})
                       .select(1, match.place.part)
                       .reshape({match.layer.out, from.r});
        else
            rows = rows.narrow(0, match.place.part * match.layer.out, match.layer.out);
        module.b.narrow(1, 0, from.r).copy_(rows);
        module.scaling = from.scaling;
    }

    void fill(Lora::Bias& bias) {
        for (const FileName& name : folderNames(m_config, bias.name)) {
            const auto from = std::find_if(m_file.biases.begin(), m_file.biases.end(),
                                           [&](const AdapterBias& b) { return b.name == name.name; });
            if (from == m_file.biases.end()) continue;
            const std::int64_t size = bias.value.numel();
            if (from->value.shape != std::vector<std::int64_t>{size * name.parts})
                refuse("has " + shapeText(from->value.shape) + " for " + from->name + " where the model needs [" +
                       std::to_string(size * name.parts) + "]");
            at::Tensor values = floats(from->value);
            if (name.interleaved)
                values = values.view({-1, name.parts, m_config.head_dim}).select(1, name.part).reshape({size});
            else
                values = values.narrow(0, name.part * size, size);
            bias.value.copy_(values);
            m_usedBiases.insert(from->name);
            return;
        }
        refuse("says that it trained biases, but holds no " + bias.name);
    }

    std::filesystem::path m_folder;
    const DecoderConfig& m_config;
    AdapterFile m_file;
    std::vector<Match> m_matches;
    std::set<std::string> m_usedBiases;
};

} // namespace

void saveAdapter(Lora& lora, const std::filesystem::path& folder, const std::string& baseModel) {
    std::vector<TensorView> views;
    for (const Parameter& parameter : lora.parameters()) {
        const auto count = static_cast<std::size_t>(parameter.value.numel());
        views.push_back({parameter.name, DType::F32, parameter.value.sizes().vec(),
                         std::as_bytes(std::span(parameter.value.const_data_ptr<float>(), count))});
    }
    writeAdapter(folder, lora.spec(), {baseModel}, views);
}

std::shared_ptr<Lora> loadAdapter(const std::filesystem::path& folder, const DecoderConfig& config) {
    return Reading(folder, config).lora();
}

std::string otherBase(const std::filesystem::path& adapter, const std::filesystem::path& model) {
    const std::string base = readAdapterConfig(adapter / "adapter_config.json").baseModel;
    if (base.empty()) return {};
    try {
        std::error_code unknown;
        if (std::filesystem::equivalent(resolveModel(base), model, unknown)) return {};
    } catch (const Error&) {
        // A model that is not here: its name may still be this one's.
    }
    // "microsoft/phi-2" is ".../models--microsoft--phi-2/snapshots/ef38…" in the cache and any folder called phi-2.
    std::string last = base.substr(0, base.find_last_not_of('/') + 1);
    last = last.substr(last.rfind('/') + 1);
    for (const std::filesystem::path& part : model)
        if (part == last || part.string().ends_with("--" + last)) return {};
    return base;
}

} // namespace engine
