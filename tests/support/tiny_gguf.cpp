// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/tiny_gguf.h"
#include "tests/support/gguf_bytes.h"

#include <fstream>
#include <nlohmann/json.hpp>

namespace testing_support {
namespace {

void replace(std::string& text, const std::string& from, const std::string& to) {
    if (const auto at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
}

std::string ggufName(std::string name) {
    const std::pair<const char*, const char*> names[]{{"transformer.embd.wte.", "token_embd."},
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
                                                      {".post_attention_layernorm.", ".ffn_norm."},
                                                      {".self_attn.q_proj.", ".attn_q."},
                                                      {".self_attn.k_proj.", ".attn_k."},
                                                      {".self_attn.v_proj.", ".attn_v."},
                                                      {".self_attn.o_proj.", ".attn_output."},
                                                      {".self_attn.dense.", ".attn_output."},
                                                      {".mlp.gate_proj.", ".ffn_gate."},
                                                      {".mlp.up_proj.", ".ffn_up."},
                                                      {".mlp.down_proj.", ".ffn_down."},
                                                      {".mlp.fc1.", ".ffn_up."},
                                                      {".mlp.fc2.", ".ffn_down."}};
    for (const auto& [from, to] : names) replace(name, from, to);
    return name;
}

/// Rows [head][half][pair] become [head][pair][half].
std::vector<float> interleaved(const TinyTensor& tensor, std::int64_t head) {
    std::vector<float> out(tensor.values.size());
    const auto width = static_cast<std::size_t>(tensor.shape[1]);
    for (std::int64_t row = 0; row < tensor.shape[0]; ++row) {
        const std::int64_t within = row % head, half = within / (head / 2), pair = within % (head / 2);
        const std::int64_t to = row - within + 2 * pair + half;
        std::copy_n(tensor.values.begin() + row * tensor.shape[1], width, out.begin() + to * tensor.shape[1]);
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

} // namespace

std::filesystem::path writeTinyGguf(const std::filesystem::path& file, const TinyModelOptions& o) {
    const bool phi = o.family == "phi";
    const std::string arch = phi ? "phi2" : "llama";
    const auto size = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
    const std::int64_t head = o.hidden / o.heads;
    GgufBytes gguf;
    gguf.text("general.architecture", arch);
    gguf.number(arch + ".embedding_length", size(o.hidden));
    gguf.number(arch + ".block_count", size(o.layers));
    gguf.number(arch + ".attention.head_count", size(o.heads));
    gguf.number(arch + ".attention.head_count_kv", size(phi ? o.heads : o.kvHeads));
    gguf.number(arch + ".feed_forward_length", size(o.intermediate));
    gguf.number(arch + ".context_length", size(o.maxPositions));
    gguf.number(arch + ".rope.dimension_count",
                size(phi ? static_cast<std::int64_t>(o.partialRotary * static_cast<double>(head)) : head));
    gguf.real(arch + ".rope.freq_base", static_cast<float>(o.ropeTheta));
    gguf.real(arch + (phi ? ".attention.layer_norm_epsilon" : ".attention.layer_norm_rms_epsilon"), 1e-5f);
    const std::filesystem::path folder = file.string() + ".tokenizer";
    std::filesystem::create_directories(folder);
    addTokenizer(gguf, folder);
    std::filesystem::remove_all(folder);
    for (const TinyTensor& tensor : tinyTensors(o)) {
        const std::string name = ggufName(tensor.name);
        const bool turned = !phi && (name.ends_with(".attn_q.weight") || name.ends_with(".attn_k.weight"));
        gguf.tensor(name, tensor.shape, turned ? interleaved(tensor, head) : tensor.values);
    }
    gguf.write(file);
    return file;
}

} // namespace testing_support
