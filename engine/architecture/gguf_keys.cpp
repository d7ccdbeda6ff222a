// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/gguf_keys.h"

#include <fmt/core.h>

namespace engine {

GgufKeys::GgufKeys(const GgufFile& file) : m_file(file), m_architecture(file.text("general.architecture")) {}

bool GgufKeys::has(const std::string& key) const {
    return m_file.value(m_architecture + "." + key);
}

std::int64_t GgufKeys::integer(const std::string& key, std::optional<std::int64_t> fallback, const NumberRange& range) const {
    if (fallback && !has(key)) return *fallback;
    const std::int64_t value = m_file.integer(m_architecture + "." + key);
    if (!range.holds(static_cast<double>(value)))
        refuse(fmt::format("{}.{} is {}, but a whole number {} is needed.", m_architecture, key, value, toString(range)));
    return value;
}

double GgufKeys::number(const std::string& key, const NumberRange& range, std::optional<double> fallback) const {
    if (fallback && !has(key)) return *fallback;
    const double value = m_file.number(m_architecture + "." + key);
    if (!range.holds(value))
        refuse(fmt::format("{}.{} is {}, but a number {} is needed.", m_architecture, key, value, toString(range)));
    return value;
}

std::string GgufKeys::text(const std::string& key, const std::string& fallback) const {
    return has(key) ? m_file.text(m_architecture + "." + key) : fallback;
}

std::vector<double> GgufKeys::values(const std::string& name, std::int64_t count) const {
    const TensorView* view = m_file.find(name);
    if (!view) refuse("the tensor " + name + " is missing.");
    if (view->shape != std::vector<std::int64_t>{count})
        refuse("the tensor " + name + " has the shape " + shapeText(view->shape) + ", but [" + std::to_string(count) +
               "] is needed.");
    std::vector<float> floats(static_cast<std::size_t>(count));
    toFloat(*view, floats.data());
    for (const float value : floats)
        if (!(value > 0 && value < 1e12f)) refuse("the tensor " + name + " holds a value that is not above 0.");
    return {floats.begin(), floats.end()};
}

void GgufKeys::refuse(std::initializer_list<const char*> keys) const {
    for (const char* key : keys) {
        const GgufFile::Value* value = m_file.value(m_architecture + "." + key);
        if (!value || *value == GgufFile::Value(std::string("none")) || *value == GgufFile::Value(std::int64_t{0})) continue;
        refuse(m_architecture + "." + key + " is not supported.", "It would change the numbers, so the model is not loaded.");
    }
}

void GgufKeys::refuse(const std::string& what, const std::string& hint) const {
    throw Error(ErrorCode::BadInput, m_file.path().string() + ": " + what, hint);
}

void readSizes(const GgufKeys& keys, DecoderConfig& c, const char* epsilon) {
    const GgufFile& file = keys.file();
    c.name = file.value("general.name") ? file.text("general.name") : file.path().stem().string();
    const auto size = [&](const char* key, std::optional<std::int64_t> fallback = {}) {
        return keys.integer(key, fallback, ranges::kSize);
    };
    c.hidden_size = size("embedding_length");
    c.layers = keys.integer("block_count", {}, ranges::kLayers);
    c.heads = size("attention.head_count");
    c.kv_heads = size("attention.head_count_kv", c.heads);
    c.intermediate_size = size("feed_forward_length");
    c.max_positions = size("context_length");
    if (!keys.has("attention.key_length") && c.hidden_size % c.heads != 0)
        keys.refuse(fmt::format("embedding_length {} is no multiple of attention.head_count {}.", c.hidden_size, c.heads));
    c.head_dim = size("attention.key_length", c.hidden_size / c.heads);
    if (keys.integer("attention.value_length", c.head_dim) != c.head_dim)
        keys.refuse("attention.value_length differs from attention.key_length, which is not supported.");
    c.rotary = {{keys.integer("rope.dimension_count", c.head_dim), keys.number("rope.freq_base", ranges::kFactor, 10000.0), {}}};
    c.norm_eps = keys.number(epsilon, ranges::kNormEps);
    const TensorView* embedding = file.find("token_embd.weight");
    if (!embedding || embedding->shape.size() != 2) keys.refuse("the tensor token_embd.weight is missing.");
    c.vocab_size = embedding->shape[0];
    if (!ranges::kVocabulary.holds(static_cast<double>(c.vocab_size)))
        keys.refuse(fmt::format("the tensor token_embd.weight has {} rows, but one for each token, {}, is needed.", c.vocab_size,
                                toString(ranges::kVocabulary)));
    c.tied_head = !file.find("output.weight");
    const auto token = [&](const char* name) -> std::int32_t {
        if (!file.value(name)) return -1;
        const std::int64_t id = file.integer(name);
        if (id < 0 || id >= c.vocab_size)
            keys.refuse(fmt::format("{} is {}, but the number of one of the model's tokens, 0 to {}, is needed.", name, id,
                                    c.vocab_size - 1));
        return static_cast<std::int32_t>(id);
    };
    c.bos = token("tokenizer.ggml.bos_token_id");
    c.eos = token("tokenizer.ggml.eos_token_id");
}

void readBiases(const GgufKeys& keys, DecoderConfig& c) {
    for (LinearModule& linear : c.linears) linear.bias = linear.bias || keys.file().find("blk.0." + linear.name.gguf + ".bias");
}

GgufMetadata sizesOf(const DecoderConfig& c, const std::string& architecture, const char* epsilon) {
    const auto key = [&](const char* name) { return architecture + "." + name; };
    return {{"general.architecture", architecture},
            {"general.name", c.name},
            {key("block_count"), c.layers},
            {key("context_length"), c.max_positions},
            {key("embedding_length"), c.hidden_size},
            {key("feed_forward_length"), c.intermediate_size},
            {key("attention.head_count"), c.heads},
            {key("attention.head_count_kv"), c.kv_heads},
            {key(epsilon), c.norm_eps},
            {key("rope.dimension_count"), c.rotary.front().dims},
            {key("rope.freq_base"), c.rotary.front().theta},
            {key("attention.key_length"), c.head_dim},
            {key("attention.value_length"), c.head_dim},
            {key("vocab_size"), c.vocab_size}};
}

} // namespace engine
