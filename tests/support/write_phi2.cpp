// SPDX-License-Identifier: GPL-3.0-or-later
// write_phi2 [FOLDER] [--dtype fp16|bf16] [--naming new|old] [--seed N] [--layers N]: a random Phi-2 of full size in the layout
// of microsoft/phi-2 on the hub (two shards and an index, 5.6 GB; fp16 as there) in FOLDER, else $PHIBENCH_PHI2, else
// /tmp/phi2-random. The tokenizer's files: tests/support/phi2_tokenizer.py.
#include "engine/kernels/bfloat16.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numbers>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr std::int64_t kVocab = 51200, kHidden = 2560, kInner = 10240, kPositions = 2048;
constexpr std::uint64_t kShardBytes = 5'000'000'000; // where transformers begins another file
constexpr double kDeviation = 0.02;                  // transformers' initializer_range
enum class Type { F16, BF16 };

struct Options {
    fs::path folder;
    Type type = Type::F16;
    bool oldNames = false;
    std::uint64_t seed = 0;
    std::int64_t layers = 32;
};

// Values of one normal distribution. A file's tensor is one part, but for the old naming's Wqkv, which is q, k and v below each
// other: both namings hold the same numbers.
struct Part {
    std::string key;
    std::int64_t count = 0;
    double mean = 0, deviation = kDeviation;
};

struct Tensor {
    std::string name;
    std::vector<std::int64_t> shape;
    std::vector<Part> parts;
    std::uint64_t bytes() const {
        std::uint64_t count = 0;
        for (const Part& part : parts) count += static_cast<std::uint64_t>(part.count);
        return 2 * count;
    }
};

std::uint64_t mixed(std::uint64_t x) { // splitmix64
    x += 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

std::uint64_t hashOf(const std::string& text) { // FNV-1a
    std::uint64_t hash = 0xCBF29CE484222325;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    return hash;
}

std::uint16_t rounded(double value, Type type) {
    if (type == Type::BF16) return engine::toBf16(static_cast<float>(value));
    if (value == 0) return 0;
    const int exponent = std::max(std::ilogb(value), -14);
    const auto steps =
        static_cast<std::int32_t>(std::nearbyint(std::ldexp(std::abs(value), 10 - exponent))); // of 2^(exponent-10)
    const std::int32_t magnitude = (exponent + 14) * 1024 + steps; // a carry out of the mantissa raises the exponent by itself
    return static_cast<std::uint16_t>((value < 0 ? 0x8000 : 0) | magnitude);
}

// The 65536 midpoint quantiles of N(mean, deviation), rounded: a normal value is then one look-up with 16 random bits.
class NormalTable {
public:
    NormalTable(double mean, double deviation, Type type) : m_values(65536) {
        double x = -4.5;
        for (int i = 0; i < 32768; ++i) { // the quantiles rise, so each begins at the last
            const double p = (i + 0.5) / 65536;
            for (int step = 0; step < 40; ++step) { // Newton on the distribution function
                const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - p;
                const double slope = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
                const double next = x - std::clamp(error / slope, -0.5, 0.5);
                if (std::abs(next - x) < 1e-13) break;
                x = next;
            }
            m_values[static_cast<std::size_t>(i)] = rounded(mean + deviation * x, type);
            m_values[static_cast<std::size_t>(65535 - i)] = rounded(mean - deviation * x, type);
        }
    }
    // `out`: values first … first + count of the stream `key`; first a multiple of 4.
    void fill(std::uint64_t key, std::int64_t first, std::int64_t count, std::uint16_t* out) const {
        for (std::int64_t i = 0; i < count; i += 4) {
            std::uint64_t bits = mixed(key + static_cast<std::uint64_t>((first + i) / 4));
            for (std::int64_t j = i; j < std::min(i + 4, count); ++j, bits >>= 16) out[j] = m_values[bits & 0xFFFF];
        }
    }

private:
    std::vector<std::uint16_t> m_values;
};

class Layout {
public:
    explicit Layout(const Options& options) : m_options(options) {
        // Outputs to the residual stream are smaller by sqrt(2 · layers), so that it stays at the scale of one block's.
        const double residual = kDeviation / std::sqrt(2.0 * static_cast<double>(options.layers));
        const bool old = options.oldNames;
        add(old ? "transformer.embd.wte.weight" : "model.embed_tokens.weight", {kVocab, kHidden}, {"embed"}, kDeviation);
        for (std::int64_t n = 0; n < options.layers; ++n) {
            const std::string layer = (old ? "transformer.h." : "model.layers.") + std::to_string(n) + ".";
            const std::string key = std::to_string(n) + ".";
            if (old) {
                linear(layer + "mixer.Wqkv", kHidden, kHidden, {key + "q", key + "k", key + "v"}, kDeviation);
            } else {
                for (const char* part : {"q", "k", "v"}) {
                    linear(layer + "self_attn." + part + "_proj", kHidden, kHidden, {key + part}, kDeviation);
                }
            }
            linear(layer + (old ? "mixer.out_proj" : "self_attn.dense"), kHidden, kHidden, {key + "dense"}, residual);
            linear(layer + "mlp.fc1", kHidden, kInner, {key + "fc1"}, kDeviation);
            linear(layer + "mlp.fc2", kInner, kHidden, {key + "fc2"}, residual);
            norm(layer + (old ? "ln" : "input_layernorm"), key + "ln");
        }
        norm(old ? "lm_head.ln" : "model.final_layernorm", "final");
        linear(old ? "lm_head.linear" : "lm_head", kHidden, kVocab, {"head"}, kDeviation);
    }
    const std::vector<Tensor>& tensors() const { return m_tensors; }

private:
    void add(const std::string& name, std::vector<std::int64_t> shape, const std::vector<std::string>& keys, double deviation,
             double mean = 0) {
        std::int64_t count = 1;
        for (const std::int64_t size : shape) count *= size;
        shape[0] *= static_cast<std::int64_t>(keys.size());
        Tensor tensor{name, std::move(shape), {}};
        for (const std::string& key : keys) tensor.parts.push_back({key, count, mean, deviation});
        m_tensors.push_back(std::move(tensor));
    }
    void linear(const std::string& name, std::int64_t in, std::int64_t out, std::vector<std::string> keys, double deviation) {
        add(name + ".weight", {out, in}, keys, deviation);
        for (std::string& key : keys) key += ".bias";
        add(name + ".bias", {out}, keys, kDeviation);
    }
    void norm(const std::string& name, const std::string& key) {
        add(name + ".weight", {kHidden}, {key}, kDeviation, 1);
        add(name + ".bias", {kHidden}, {key + ".bias"}, kDeviation);
    }
    Options m_options;
    std::vector<Tensor> m_tensors;
};

class Writer {
public:
    explicit Writer(const Options& options) : m_options(options) {}

    void shard(const fs::path& file, const std::vector<Tensor>& tensors) {
        Json header = Json::object();
        header["__metadata__"] = {{"format", "pt"}};
        std::uint64_t offset = 0;
        for (const Tensor& tensor : tensors) {
            header[tensor.name] = {{"dtype", m_options.type == Type::F16 ? "F16" : "BF16"},
                                   {"shape", tensor.shape},
                                   {"data_offsets", {offset, offset + tensor.bytes()}}};
            offset += tensor.bytes();
        }
        std::string text = header.dump();
        text.resize((text.size() + 7) / 8 * 8, ' ');
        const std::uint64_t size = text.size();
        std::ofstream out(file, std::ios::binary | std::ios::trunc);
        out.write(reinterpret_cast<const char*>(&size), 8).write(text.data(), static_cast<std::streamsize>(size));
        for (const Tensor& tensor : tensors) {
            for (const Part& part : tensor.parts) values(out, part);
        }
        if (!out.flush()) throw std::runtime_error("cannot write " + file.string() + " (is the disk full?)");
    }

private:
    const NormalTable& table(double mean, double deviation) {
        for (const auto& [known, table] : m_tables) {
            if (known == std::pair(mean, deviation)) return table;
        }
        m_tables.emplace_back(std::pair(mean, deviation), NormalTable(mean, deviation, m_options.type));
        return m_tables.back().second;
    }
    void values(std::ofstream& out, const Part& part) {
        const NormalTable& normal = table(part.mean, part.deviation);
        const std::uint64_t key = mixed(m_options.seed) ^ hashOf(part.key);
        constexpr std::int64_t kChunk = 1 << 22;
        for (std::int64_t first = 0; first < part.count; first += kChunk) {
            const std::int64_t count = std::min(kChunk, part.count - first), half = count / 2 / 4 * 4;
            m_buffer.resize(static_cast<std::size_t>(count));
            std::jthread other([&] { normal.fill(key, first, half, m_buffer.data()); });
            normal.fill(key, first + half, count - half, m_buffer.data() + half);
            other.join();
            out.write(reinterpret_cast<const char*>(m_buffer.data()), 2 * count);
        }
    }
    Options m_options;
    std::vector<std::pair<std::pair<double, double>, NormalTable>> m_tables;
    std::vector<std::uint16_t> m_buffer;
};

void write(const fs::path& file, const Json& json) {
    std::ofstream out(file, std::ios::binary);
    if (!(out << json.dump(2) << '\n').flush()) throw std::runtime_error("cannot write " + file.string());
}

// As on the hub today; with the old naming, as first released.
Json config(const Options& options) {
    const char* type = options.type == Type::F16 ? "float16" : "bfloat16";
    if (options.oldNames) {
        return {{"_name_or_path", "microsoft/phi-2"},
                {"activation_function", "gelu_new"},
                {"architectures", {"PhiForCausalLM"}},
                {"attn_pdrop", 0.0},
                {"embd_pdrop", 0.0},
                {"flash_attn", false},
                {"flash_rotary", false},
                {"fused_dense", false},
                {"img_processor", nullptr},
                {"initializer_range", 0.02},
                {"layer_norm_epsilon", 1e-05},
                {"model_type", "phi-msft"},
                {"n_embd", kHidden},
                {"n_head", 32},
                {"n_head_kv", nullptr},
                {"n_inner", nullptr},
                {"n_layer", options.layers},
                {"n_positions", kPositions},
                {"resid_pdrop", 0.1},
                {"rotary_dim", 32},
                {"tie_word_embeddings", false},
                {"torch_dtype", type},
                {"transformers_version", "4.35.2"},
                {"vocab_size", kVocab}};
    }
    return {{"_name_or_path", "microsoft/phi-2"},
            {"architectures", {"PhiForCausalLM"}},
            {"attention_dropout", 0.0},
            {"bos_token_id", 50256},
            {"embd_pdrop", 0.0},
            {"eos_token_id", 50256},
            {"hidden_act", "gelu_new"},
            {"hidden_size", kHidden},
            {"initializer_range", 0.02},
            {"intermediate_size", kInner},
            {"layer_norm_eps", 1e-05},
            {"max_position_embeddings", kPositions},
            {"model_type", "phi"},
            {"num_attention_heads", 32},
            {"num_hidden_layers", options.layers},
            {"num_key_value_heads", 32},
            {"partial_rotary_factor", 0.4},
            {"qk_layernorm", false},
            {"resid_pdrop", 0.1},
            {"rope_scaling", nullptr},
            {"rope_theta", 10000.0},
            {"tie_word_embeddings", false},
            {"torch_dtype", type},
            {"transformers_version", "4.37.0"},
            {"use_cache", true},
            {"vocab_size", kVocab}};
}

void writeModel(const Options& options) {
    fs::create_directories(options.folder);
    write(options.folder / "config.json", config(options));
    write(options.folder / "generation_config.json",
          {{"_from_model_config", true}, {"bos_token_id", 50256}, {"eos_token_id", 50256}, {"transformers_version", "4.37.0"}});
    std::vector<std::vector<Tensor>> shards(1);
    std::uint64_t inShard = 0, total = 0;
    const Layout layout(options);
    for (const Tensor& tensor : layout.tensors()) {
        if (inShard + tensor.bytes() > kShardBytes) {
            shards.emplace_back();
            inShard = 0;
        }
        shards.back().push_back(tensor);
        inShard += tensor.bytes();
        total += tensor.bytes();
    }
    Json map = Json::object();
    Writer writer(options);
    for (std::size_t i = 0; i < shards.size(); ++i) {
        char name[64];
        std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
        for (const Tensor& tensor : shards[i]) map[tensor.name] = name;
        writer.shard(options.folder / name, shards[i]);
    }
    write(options.folder / "model.safetensors.index.json", {{"metadata", {{"total_size", total}}}, {"weight_map", map}});
}

std::uint64_t number(const std::string& text, std::uint64_t least, std::uint64_t most) {
    std::size_t used = 0;
    const std::uint64_t value = std::stoull(text, &used);
    if (used != text.size() || value < least || value > most) throw std::invalid_argument(text);
    return value;
}

Options parse(const std::vector<std::string>& arguments) {
    Options options;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::string& key = arguments[i];
        if (!key.starts_with("--")) {
            if (!options.folder.empty()) throw std::invalid_argument(key);
            options.folder = key;
            continue;
        }
        const std::string value = i + 1 < arguments.size() ? arguments[++i] : "";
        if (key == "--dtype" && (value == "fp16" || value == "bf16"))
            options.type = value == "fp16" ? Type::F16 : Type::BF16;
        else if (key == "--naming" && (value == "new" || value == "old"))
            options.oldNames = value == "old";
        else if (key == "--seed")
            options.seed = number(value, 0, ~std::uint64_t{0});
        else if (key == "--layers")
            options.layers = static_cast<std::int64_t>(number(value, 1, 64));
        else
            throw std::invalid_argument(key + " " + value);
    }
    if (options.folder.empty()) {
        const char* named = std::getenv("PHIBENCH_PHI2");
        options.folder = named && *named ? named : "/tmp/phi2-random";
    }
    return options;
}

} // namespace

int main(int count, char** arguments) {
    Options options;
    try {
        options = parse({arguments + 1, arguments + count});
    } catch (const std::exception& error) {
        std::cerr << "write_phi2: not understood: " << error.what()
                  << "\nusage: write_phi2 [FOLDER] [--dtype fp16|bf16] [--naming new|old] [--seed N] [--layers N]\n";
        return 2;
    }
    try {
        writeModel(options);
    } catch (const std::exception& error) {
        std::cerr << "write_phi2: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
