// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/targets.h"
#include "engine/architecture/tensors.h"

#include <algorithm>
#include <regex>

namespace engine {

namespace {

std::string lastPart(const std::string& path) {
    return path.substr(path.rfind('.') + 1);
}

/// What a name of older files, or of other families', stands for.
std::vector<Piece> piecesNamed(const std::string& target) {
    if (target == "Wqkv" || target == "query_key_value" || target == "qkv_proj") return {Piece::Query, Piece::Key, Piece::Value};
    if (target == "out_proj") return {Piece::Output};
    return {};
}

/// Last parts of the layers' names that a target stands for.
std::vector<std::string> namesOf(const DecoderConfig& config, const std::string& target) {
    const std::vector<Piece> pieces = piecesNamed(target);
    std::vector<std::string> names{target};
    for (const LinearModule& linear : config.linears)
        if (std::find(pieces.begin(), pieces.end(), linear.pieces.front()) != pieces.end())
            names.push_back(lastPart(linear.name.folder));
    return names;
}

bool isPattern(const std::string& target) {
    return target.find_first_of(".*+?()[]|^$\\") != std::string::npos;
}

} // namespace

std::vector<LinearShape> linearLayers(const DecoderConfig& c) {
    std::vector<LinearShape> all;
    for (std::int64_t layer = 0; layer < c.layers; ++layer)
        for (const LinearModule& linear : c.linears) {
            LinearShape shape{layerPath(layer, linear.name), c.hidden_size, 0};
            if (linear.product() == Product::Out) shape.in = c.queryWidth();
            if (linear.product() == Product::Down) shape.in = c.intermediate_size;
            for (const Piece piece : linear.pieces) shape.out += c.rowsOf(piece);
            all.push_back(std::move(shape));
        }
    return all;
}

std::vector<LinearShape> biases(const DecoderConfig& c) {
    std::vector<LinearShape> all;
    const std::vector<LinearShape> linears = linearLayers(c);
    for (std::size_t i = 0; i < linears.size(); ++i)
        if (c.linears[i % c.linears.size()].bias) all.push_back({linears[i].name + ".bias", 0, linears[i].out});
    if (c.norm == NormKind::LayerNorm)
        for (const NormShape& norm : norms(c)) all.push_back({norm.name + ".bias", 0, norm.size});
    if (c.head_bias) all.push_back({c.head.folder + ".bias", 0, c.vocab_size});
    return all;
}

std::vector<LinearShape> chooseTargets(const DecoderConfig& config, const std::vector<std::string>& targets) {
    const std::vector<LinearShape> all = linearLayers(config);
    std::vector<char> chosen(all.size(), 0);
    for (const std::string& target : targets) {
        bool fits = false;
        const auto choose = [&](const auto& matches) {
            for (std::size_t i = 0; i < all.size(); ++i)
                if (matches(all[i].name)) chosen[i] = 1, fits = true;
        };
        if (target == "all-linear") {
            choose([](const std::string&) { return true; });
        } else if (isPattern(target)) {
            try {
                const std::regex pattern(target, std::regex::ECMAScript);
                choose([&](const std::string& path) {
                    return std::regex_match(path, pattern) || (path.size() > target.size() && path.ends_with("." + target));
                });
            } catch (const std::regex_error&) {
                throw Error(ErrorCode::BadInput, "lora.targets: \"" + target + "\" is not a regular expression.",
                            "Use all-linear or layer names such as q_proj.");
            }
        } else {
            for (const std::string& name : namesOf(config, target))
                choose([&](const std::string& path) { return lastPart(path) == name; });
        }
        if (!fits) {
            std::string known;
            for (std::size_t i = 0; i < all.size() / static_cast<std::size_t>(config.layers); ++i)
                known += (i ? ", " : "") + lastPart(all[i].name);
            throw Error(ErrorCode::BadInput, "lora.targets: no layer of this model is called \"" + target + "\".",
                        "It has " + known + "; all-linear means all of them.");
        }
    }
    std::vector<LinearShape> result;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (chosen[i]) result.push_back(all[i]);
    if (result.empty())
        throw Error(ErrorCode::BadInput, "lora.targets is empty, so there is nothing to train.", "Use all-linear.");
    return result;
}

} // namespace engine
