// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/names.h"

#include <optional>

namespace engine {

namespace {

/// A tensor's name in its pieces: "model.layers.3." (its number), "self_attn.q_proj", ".weight"; layer is empty outside layers.
struct Parts {
    std::string layer, module, suffix;
};

Parts take(const std::string& name) {
    Parts parts;
    std::string rest = name;
    const std::string layers = "model.layers.";
    if (rest.starts_with(layers)) {
        const std::size_t dot = rest.find('.', layers.size());
        parts.layer = rest.substr(layers.size(), dot - layers.size());
        rest = rest.substr(dot + 1);
    }
    const std::size_t dot = rest.rfind('.');
    parts.module = rest.substr(0, dot);
    parts.suffix = rest.substr(dot);
    return parts;
}

void addOlder(const std::vector<OlderName>& older, const Parts& p, std::vector<FileName>& names) {
    const std::string module = (p.layer.empty() ? "" : "model.layers.*.") + p.module;
    for (const OlderName& one : older) {
        if (one.module != module) continue;
        std::string file = one.file;
        if (const std::size_t star = file.find('*'); star != std::string::npos) file.replace(star, 1, p.layer);
        names.push_back({file + p.suffix, one.part, one.parts, one.interleaved});
    }
}

/// A norm's name in a GGUF; nothing for what is no norm.
std::optional<std::string> ggufNorm(const DecoderConfig& c, const std::string& module) {
    for (const ModuleName* norm :
         {&c.finalNorm, &c.attentionNorm, &c.mlpNorm, &c.attentionBranchNorm, &c.mlpBranchNorm, &c.queryNorm, &c.keyNorm})
        if (*norm && norm->folder == module) return norm->gguf;
    return {};
}

bool isTurned(const LinearModule& linear) {
    return linear.pieces.size() == 1 && (linear.pieces[0] == Piece::Query || linear.pieces[0] == Piece::Key);
}

} // namespace

std::vector<FileName> folderNames(const DecoderConfig& config, const std::string& name) {
    std::vector<FileName> names{{name}};
    addOlder(config.olderFolderNames, take(name), names);
    return names;
}

std::vector<FileName> ggufNames(const DecoderConfig& c, const std::string& name) {
    const Parts p = take(name);
    const std::string block = p.layer.empty() ? "" : "blk." + p.layer + ".";
    std::vector<FileName> names;
    if (const std::optional<std::string> norm = ggufNorm(c, p.module)) {
        FileName& found = names.emplace_back(FileName{block + *norm + p.suffix});
        if (c.ggufAddsOneToNorms) found.added = 1;
    }
    for (const ModuleName* table : {&c.embedding, &c.head})
        if (table->folder == p.module) names.push_back({table->gguf + p.suffix});
    for (const LinearModule& linear : c.linears) {
        if (linear.name.folder != p.module) continue;
        FileName& found = names.emplace_back(FileName{block + linear.name.gguf + p.suffix});
        if (c.ggufTurnsHeads && isTurned(linear)) found.turnedHead = c.head_dim;
    }
    addOlder(c.olderGgufNames, p, names);
    return names;
}

} // namespace engine
