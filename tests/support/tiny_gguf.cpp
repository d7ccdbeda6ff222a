// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/tiny_gguf.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/tiny_family.h"

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numbers>

namespace testing_support {
namespace {

void replace(std::string& text, const std::string& from, const std::string& to) {
    if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

std::string ggufName(std::string name, const TinyFamily& family) {
    const std::pair<const char*, const char*> names[]{
        {"transformer.embd.wte.", "token_embd."},
        {"lm_head.ln.", "output_norm."},
        {"lm_head.linear.", "output."},
        {"transformer.h.", "blk."},
        {".mixer.Wqkv.", ".attn_qkv."},
        {".mixer.out_proj.", ".attn_output."},
        {".ln.", ".attn_norm."},
        {"model.embed_tokens.", "token_embd."},
        {"model.final_layernorm.", "output_norm."},
        {"model.norm.", "output_norm."},
        {"lm_head.", "output."},
        {"model.layers.", "blk."},
        {".input_layernorm.", ".attn_norm."},
        {".post_attention_layernorm.", family.fourNorms ? ".post_attention_norm." : ".ffn_norm."},
        {".pre_feedforward_layernorm.", ".ffn_norm."},
        {".post_feedforward_layernorm.", ".post_ffw_norm."},
        {".self_attn.q_norm.", ".attn_q_norm."},
        {".self_attn.k_norm.", ".attn_k_norm."},
        {".self_attn.qkv_proj.", ".attn_qkv."},
        {".self_attn.q_proj.", ".attn_q."},
        {".self_attn.k_proj.", ".attn_k."},
        {".self_attn.v_proj.", ".attn_v."},
        {".self_attn.o_proj.", ".attn_output."},
        {".self_attn.dense.", ".attn_output."},
        {".mlp.gate_up_proj.", ".ffn_up."},
        {".mlp.gate_proj.", ".ffn_gate."},
        {".mlp.up_proj.", ".ffn_up."},
        {".mlp.down_proj.", ".ffn_down."},
        {".mlp.fc1.", ".ffn_up."},
        {".mlp.fc2.", ".ffn_down."},
    };
    for (const auto& [from, to] : names) replace(name, from, to);
    return name;
}

/// Rows (or a bias's elements) [head][half][pair] become [head][pair][half].
std::vector<float> interleaved(const TinyTensor& tensor, std::int64_t head) {
    std::vector<float> out(tensor.values.size());
    const std::int64_t width = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
    for (std::int64_t row = 0; row < tensor.shape[0]; ++row) {
        const std::int64_t within = row % head, half = within / (head / 2), pair = within % (head / 2);
        const std::int64_t to = row - within + 2 * pair + half;
        std::copy_n(tensor.values.begin() + row * width, width, out.begin() + to * width);
    }
    return out;
}

void addTokenizer(GgufBytes& gguf, const std::filesystem::path& folder) {
    writeTinyTokenizer(folder);
    std::ifstream in(folder / "tokenizer.json");
    const auto json = nlohmann::json::parse(in);
    std::vector<std::string> tokens(static_cast<std::size_t>(tinyVocabulary())), merges;
    for (const auto& [token, id] : json["model"]["vocab"].items()) tokens[id.get<std::size_t>()] = token;
    for (const auto& merge : json["model"]["merges"])
        merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    std::vector<std::int32_t> types(tokens.size(), 1);
    types.back() = 3;
    gguf.text("tokenizer.ggml.model", "gpt2");
    gguf.text("tokenizer.ggml.pre", "smollm");
    gguf.texts("tokenizer.ggml.tokens", tokens);
    gguf.numbers("tokenizer.ggml.token_type", types);
    gguf.texts("tokenizer.ggml.merges", merges);
    gguf.number("tokenizer.ggml.bos_token_id", static_cast<std::uint32_t>(tinyEos()));
    gguf.number("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(tinyEos()));
    gguf.text("tokenizer.chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}");
}

std::string architecture(const TinyModelOptions& o) {
    if (o.family == "phi") return "phi2";
    if (o.family == "mistral") return "llama";
    return o.family == "gemma3_text" ? "gemma3" : o.family;
}

/// By which each pair's frequency is divided under rope_type llama3.
std::vector<float> llama3Factors(const TinyModelOptions& o) {
    std::vector<float> factors;
    const auto dims = static_cast<double>(tinyRotaryDim(o)), original = static_cast<double>(o.original);
    for (std::int64_t pair = 0; pair < tinyRotaryDim(o) / 2; ++pair) {
        const double length = 2 * std::numbers::pi * std::pow(o.ropeTheta, 2 * static_cast<double>(pair) / dims);
        const double smooth = (original / length - 1) / (4 - 1);
        factors.push_back(static_cast<float>(length < original / 4 ? 1
                                             : length > original   ? o.scalingFactor
                                                                   : 1 / ((1 - smooth) / o.scalingFactor + smooth)));
    }
    return factors;
}

std::vector<float> floats(const std::vector<double>& values) {
    return {values.begin(), values.end()};
}

void addScaling(GgufBytes& gguf, const TinyModelOptions& o, const std::string& arch) {
    const std::vector<std::int64_t> pairs{tinyRotaryDim(o) / 2};
    switch (o.scaling) {
    case RopeScaling::None: return;
    case RopeScaling::Linear:
        gguf.text(arch + ".rope.scaling.type", "linear");
        gguf.real(arch + ".rope.scaling.factor", static_cast<float>(o.scalingFactor));
        return;
    case RopeScaling::Llama3: gguf.tensor("rope_freqs.weight", pairs, llama3Factors(o)); return;
    case RopeScaling::Longrope: {
        const auto original = static_cast<double>(o.original), longer = static_cast<double>(o.maxPositions) / original;
        gguf.text(arch + ".rope.scaling.type", "longrope");
        gguf.real(arch + ".rope.scaling.attn_factor", static_cast<float>(std::sqrt(1 + std::log(longer) / std::log(original))));
        gguf.tensor("rope_factors_long.weight", pairs, floats(tinyLongropeFactors(o, true)));
        gguf.tensor("rope_factors_short.weight", pairs, floats(tinyLongropeFactors(o, false)));
    }
    }
}

/// Keys that only some architectures have.
void addOwnKeys(GgufBytes& gguf, const TinyModelOptions& o, const std::string& arch) {
    const TinyFamily& family = tinyFamily(o.family);
    const auto size = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
    if (arch == "phi2" || arch == "llama" || arch == "smollm3" || arch == "phi3")
        gguf.number(arch + ".rope.dimension_count", size(tinyRotaryDim(o)));
    if (family.headDimKey && (o.headDim > 0 || arch != "llama")) {
        gguf.number(arch + ".attention.key_length", size(tinyHeadDim(o)));
        gguf.number(arch + ".attention.value_length", size(tinyHeadDim(o)));
    }
    if (arch == "phi3") {
        gguf.number(arch + ".rope.scaling.original_context_length",
                    size(o.scaling == RopeScaling::Longrope ? o.original : o.maxPositions));
        gguf.number(arch + ".attention.sliding_window", size(o.window)); // 0: none
    }
    if (arch == "gemma3") {
        gguf.number(arch + ".attention.sliding_window", size(o.window));
        // Converters wrote the base of layers with a window only later; without the key it is 10000.
        if (o.localTheta != 10000) gguf.real(arch + ".rope.freq_base_swa", static_cast<float>(o.localTheta));
        if (o.globalEvery != 6) gguf.number(arch + ".attention.sliding_window_pattern", size(o.globalEvery));
    }
}

} // namespace

std::filesystem::path writeTinyGguf(const std::filesystem::path& file, const TinyModelOptions& o) {
    const TinyFamily& family = tinyFamily(o.family);
    const std::string arch = architecture(o);
    const auto size = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
    GgufBytes gguf;
    gguf.text("general.architecture", arch);
    gguf.number(arch + ".embedding_length", size(o.hidden));
    gguf.number(arch + ".block_count", size(o.layers));
    gguf.number(arch + ".attention.head_count", size(o.heads));
    gguf.number(arch + ".attention.head_count_kv", size(family.parallel ? o.heads : o.kvHeads));
    gguf.number(arch + ".feed_forward_length", size(o.intermediate));
    gguf.number(arch + ".context_length", size(o.maxPositions));
    gguf.real(arch + ".rope.freq_base", static_cast<float>(o.ropeTheta));
    gguf.real(arch + (family.parallel ? ".attention.layer_norm_epsilon" : ".attention.layer_norm_rms_epsilon"), 1e-5f);
    addOwnKeys(gguf, o, arch);
    const std::filesystem::path folder = file.string() + ".tokenizer";
    std::filesystem::create_directories(folder);
    addTokenizer(gguf, folder);
    std::filesystem::remove_all(folder);
    addScaling(gguf, o, arch);
    const bool turned = arch == "llama" || arch == "smollm3";
    for (TinyTensor tensor : tinyTensors(o)) {
        const std::string name = ggufName(tensor.name, family);
        if (turned && (name.find(".attn_q.") != std::string::npos || name.find(".attn_k.") != std::string::npos))
            tensor.values = interleaved(tensor, tinyHeadDim(o));
        if (family.offsetNorms && name.ends_with("norm.weight"))
            for (float& value : tensor.values) value += 1;
        gguf.tensor(name, tensor.shape, tensor.values);
    }
    gguf.write(file);
    return file;
}

} // namespace testing_support
