// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/config_rotary.h"
#include "engine/architecture/config.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace engine {

namespace {

using Json = nlohmann::json;
using Kind = RotaryScaling::Kind;

/// An object's keys, named with where it lies.
struct RopeObject {
    const ConfigFile& file;
    std::string where;
    const Json* object = nullptr; // nullptr: there is none

    const Json* find(const std::string& key) const {
        if (!object) return nullptr;
        const auto it = object->find(key);
        return it == object->end() || it->is_null() ? nullptr : &*it;
    }
    double number(const std::string& key, const NumberRange& range, std::optional<double> fallback = {}) const {
        const Json* value = find(key);
        if (!value && !fallback) file.refuse(where + "." + key + " is missing.");
        const Json found = value ? *value : Json(*fallback);
        if (!found.is_number() || !range.holds(found.get<double>()))
            file.wrongKind(where + "." + key, found, "a number " + toString(range));
        return found.get<double>();
    }
    double above(const std::string& key, double least, std::optional<double> fallback = {}) const {
        return number(key, {least, ranges::kFactor.most, true}, fallback);
    }
    std::vector<double> numbers(const std::string& key, std::int64_t count) const {
        const Json* value = find(key);
        const std::string needed = "a list of " + std::to_string(count) + " numbers above 0";
        if (!value) file.refuse(where + "." + key + " is missing.");
        if (!value->is_array() || std::ssize(*value) != count) file.wrongKind(where + "." + key, *value, needed);
        std::vector<double> all;
        for (const Json& one : *value) {
            if (!one.is_number() || !(one.get<double>() > 0)) file.wrongKind(where + "." + key, *value, needed);
            all.push_back(one.get<double>());
        }
        return all;
    }
};

RopeObject objectAt(const ConfigFile& file, const char* key) {
    const Json* rope = file.find(key);
    if (rope && !rope->is_object()) file.wrongKind(key, *rope, "an object");
    return {file, key, rope};
}

/// The scaling's type; "default": none.
std::string scalingType(const RopeObject& rope, const RotaryKeys& keys) {
    if (!rope.object) return "default";
    std::string found = "default";
    for (const char* name : {"rope_type", "type"}) {
        const Json* type = rope.find(name);
        if (!type || *type == "default") continue;
        const auto is = [&](const std::string& one) { return *type == one; };
        if (std::none_of(keys.scalings.begin(), keys.scalings.end(), is)) {
            std::string known = "\"default\"";
            for (const std::string& scaling : keys.scalings) known += ", \"" + scaling + "\"";
            rope.file.refuse(rope.where + "." + name + " is " + type->dump(-1, ' ', false, Json::error_handler_t::replace) +
                                 "; only " + known + (keys.scalings.empty() ? ", rotary embedding without scaling, is" : " are") +
                                 " supported.",
                             kWouldChangeNumbers);
        }
        found = type->get<std::string>();
    }
    if (found != "default") return found;
    for (const auto& [name, value] : rope.object->items())
        if (value.is_object() || name == "factor")
            rope.file.refuse(rope.where + "." + name +
                                 " is set: rotary embedding that is scaled, or differs from layer to layer, is not supported.",
                             kWouldChangeNumbers);
    return found;
}

/// transformers gives the key at the top precedence.
std::int64_t originalContext(const RopeObject& rope, const DecoderConfig& c) {
    const char* key = "original_max_position_embeddings";
    const auto inside = static_cast<std::int64_t>(rope.above(key, 0, static_cast<double>(c.max_positions)));
    return rope.file.integer({key}, inside, ranges::kSize);
}

RotaryScaling scalingOf(const std::string& type, const RopeObject& rope, const DecoderConfig& c, std::int64_t dims) {
    RotaryScaling s;
    if (type == "linear") {
        s.kind = Kind::Linear;
        s.factor = rope.above("factor", 0);
    } else if (type == "llama3") {
        s.kind = Kind::Llama3;
        s.factor = rope.above("factor", 0);
        s.lowFrequencyFactor = rope.above("low_freq_factor", 0);
        s.highFrequencyFactor = rope.above("high_freq_factor", s.lowFrequencyFactor);
        s.originalContext = originalContext(rope, c);
    } else if (type != "default") { // "longrope", and what it was called before
        s.kind = Kind::LongRope;
        s.shortFactors = rope.numbers("short_factor", dims / 2);
        s.longFactors = rope.numbers("long_factor", dims / 2);
        s.originalContext = originalContext(rope, c);
        const double context = static_cast<double>(s.originalContext),
                     factor = rope.above("factor", 0, static_cast<double>(c.max_positions) / context);
        const double usual = factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(context));
        s.attentionFactor = rope.above("attention_factor", 0, usual);
    }
    return s;
}

} // namespace

Rotary readRotary(const ConfigFile& file, const DecoderConfig& config, const RotaryKeys& keys) {
    RopeObject newer = objectAt(file, "rope_parameters");
    const RopeObject older = keys.isScaled ? objectAt(file, "rope_scaling") : RopeObject{file, "rope_scaling"};
    if (keys.layers && newer.object) {
        if (newer.find("rope_theta"))
            file.refuse("rope_parameters.rope_theta is set, but an object for each kind of layer is needed.",
                        kWouldChangeNumbers);
        newer.object = newer.find(keys.layers);
        newer.where += std::string(".") + keys.layers;
        if (newer.object && !newer.object->is_object()) file.wrongKind(newer.where, *newer.object, "an object");
    }
    Rotary rotary;
    const auto read = [&](const char* key, const char* top, double fallback, const NumberRange& range) {
        return newer.find(key) ? newer.number(key, range) : file.number({top}, fallback, range);
    };
    rotary.theta = read("rope_theta", keys.thetaKey, keys.theta, ranges::kFactor);
    const double share = read("partial_rotary_factor", "partial_rotary_factor", keys.share, ranges::kShare);
    rotary.dims = file.find("rotary_dim") ? file.integer({"rotary_dim"})
                                          : static_cast<std::int64_t>(share * static_cast<double>(config.head_dim));
    const std::string type = scalingType(newer, keys), olderType = scalingType(older, keys);
    rotary.scaling =
        type != "default" ? scalingOf(type, newer, config, rotary.dims) : scalingOf(olderType, older, config, rotary.dims);
    return rotary;
}

std::vector<double> llama3Factors(const Rotary& rotary) {
    const RotaryScaling& s = rotary.scaling;
    const auto context = static_cast<double>(s.originalContext);
    std::vector<double> factors;
    for (std::int64_t i = 0; i < rotary.dims; i += 2) {
        const double wave =
            2 * std::numbers::pi * std::pow(rotary.theta, static_cast<double>(i) / static_cast<double>(rotary.dims));
        const double share = (context / wave - s.lowFrequencyFactor) / (s.highFrequencyFactor - s.lowFrequencyFactor);
        factors.push_back(wave < context / s.highFrequencyFactor  ? 1
                          : wave > context / s.lowFrequencyFactor ? s.factor
                                                                  : 1 / ((1 - share) / s.factor + share));
    }
    return factors;
}

namespace {

/// Given factors that are Llama 3.1's or 3.2's, by what config.json says of these.
RotaryScaling recognised(const DecoderConfig& c, const Rotary& rotary) {
    for (const double factor : {8.0, 32.0}) {
        Rotary guess = rotary;
        guess.scaling = {.kind = Kind::Llama3, .factor = factor, .originalContext = 8192};
        const std::vector<double> factors = llama3Factors(guess);
        const auto same = [](double a, double b) { return std::abs(a - b) <= 1e-4 * b; };
        if (std::equal(factors.begin(), factors.end(), rotary.scaling.factors.begin(), rotary.scaling.factors.end(), same))
            return guess.scaling;
    }
    throw Error(ErrorCode::BadInput,
                c.name + ": its scaling of the rotary embedding (rope_freqs.weight) is not Llama 3.1's or 3.2's, and config.json "
                         "cannot say another.");
}

} // namespace

nlohmann::ordered_json rotaryJson(const DecoderConfig& config, const Rotary& rotary) {
    nlohmann::ordered_json json{{"rope_theta", rotary.theta}};
    const RotaryScaling s = rotary.scaling.kind == Kind::Given ? recognised(config, rotary) : rotary.scaling;
    switch (s.kind) {
    case Kind::None:
    case Kind::Given: json["rope_type"] = "default"; break;
    case Kind::Linear: json.update({{"rope_type", "linear"}, {"factor", s.factor}}); break;
    case Kind::Llama3:
        json.update({{"rope_type", "llama3"},
                     {"factor", s.factor},
                     {"low_freq_factor", s.lowFrequencyFactor},
                     {"high_freq_factor", s.highFrequencyFactor},
                     {"original_max_position_embeddings", s.originalContext}});
        break;
    case Kind::LongRope:
        json.update({{"rope_type", "longrope"},
                     {"short_factor", s.shortFactors},
                     {"long_factor", s.longFactors},
                     {"attention_factor", s.attentionFactor},
                     {"original_max_position_embeddings", s.originalContext}});
        break;
    }
    return json;
}

void writeRotary(const DecoderConfig& config, nlohmann::ordered_json& json) {
    nlohmann::ordered_json rope = rotaryJson(config, config.rotary.front());
    json["rope_theta"] = config.rotary.front().theta;
    json["rope_parameters"] = rope;
    rope.erase("rope_theta");
    json["rope_scaling"] = rope["rope_type"] == "default" ? nlohmann::ordered_json() : rope;
}

double rotaryShare(const DecoderConfig& c) {
    const auto head = static_cast<double>(c.head_dim);
    const std::int64_t dims = c.rotary.front().dims;
    double share = static_cast<double>(dims) / head;
    if (static_cast<std::int64_t>(share * head) < dims) share = std::nextafter(share, 2.0);
    return share;
}

void readScaling(const GgufKeys& keys, DecoderConfig& config) {
    RotaryScaling& s = config.rotary.front().scaling;
    const std::string type = keys.text("rope.scaling.type", "none");
    if (type == "linear")
        s = {.kind = Kind::Linear, .factor = keys.number("rope.scaling.factor", ranges::kFactor, 1.0)};
    else if (type != "none")
        keys.refuse("rope.scaling.type " + quote(type) + " is not supported.", kWouldChangeNumbers);
    if (keys.file().find("rope_freqs.weight"))
        s = {.kind = Kind::Given, .factors = keys.values("rope_freqs.weight", config.rotary.front().dims / 2)};
}

void addScaling(const DecoderConfig& config, const std::string& architecture, GgufMetadata& metadata) {
    const RotaryScaling& s = config.rotary.front().scaling;
    const auto key = [&](const char* name) { return architecture + ".rope.scaling." + name; };
    switch (s.kind) {
    case Kind::None:
    case Kind::Llama3:
    case Kind::Given: break;
    case Kind::Linear:
        metadata.emplace_back(key("type"), std::string("linear"));
        metadata.emplace_back(key("factor"), s.factor);
        break;
    case Kind::LongRope:
        metadata.emplace_back(key("original_context_length"), s.originalContext);
        metadata.emplace_back(key("attn_factor"), s.attentionFactor);
        break;
    }
}

std::vector<GgufTable> ggufTables(const DecoderConfig& config) {
    const Rotary& rotary = config.rotary.front();
    switch (rotary.scaling.kind) {
    case Kind::None:
    case Kind::Linear: break;
    case Kind::Llama3: return {{"rope_freqs.weight", llama3Factors(rotary)}};
    case Kind::Given: return {{"rope_freqs.weight", rotary.scaling.factors}};
    case Kind::LongRope:
        return {{"rope_factors_long.weight", rotary.scaling.longFactors},
                {"rope_factors_short.weight", rotary.scaling.shortFactors}};
    }
    return {};
}

} // namespace engine
