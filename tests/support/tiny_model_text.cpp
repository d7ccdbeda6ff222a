// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/tiny_model_text.h"

#include "engine/error.h"
#include "tests/support/tiny_family.h"

#include <functional>
#include <map>
#include <sstream>

namespace testing_support {

using engine::Error;
using engine::ErrorCode;

TinyModelOptions tinyModelOptions(const std::string& text) {
    TinyModelOptions o;
    const auto whole = [](std::int64_t& member) { return [&member](const std::string& value) { member = std::stoll(value); }; };
    const auto real = [](double& member) { return [&member](const std::string& value) { member = std::stod(value); }; };
    const auto choice = [](auto& member, auto choices) {
        return [&member, choices](const std::string& value) { member = choices.at(value); };
    };
    const auto yesOrNo = [&](bool& member) { return choice(member, std::map<std::string, bool>{{"yes", true}, {"no", false}}); };
    const std::map<std::string, std::function<void(const std::string&)>> keys{
        {"family", [&o](const std::string& value) { o.family = tinyFamily(value).type; }},
        {"dialect", choice(o.dialect, std::map<std::string, ConfigDialect>{{"transformers5", ConfigDialect::Transformers5},
                                                                           {"transformers4", ConfigDialect::Transformers4},
                                                                           {"phi-msft", ConfigDialect::PhiMsft}})},
        {"names", choice(o.names, std::map<std::string, PhiNames>{{"split", PhiNames::Split}, {"mixer", PhiNames::Mixer}})},
        {"type",
         choice(o.type, std::map<std::string, engine::DType>{{"f32", engine::DType::F32}, {"bf16", engine::DType::BF16}})},
        {"scaling", choice(o.scaling, std::map<std::string, RopeScaling>{{"none", RopeScaling::None},
                                                                         {"linear", RopeScaling::Linear},
                                                                         {"llama3", RopeScaling::Llama3},
                                                                         {"longrope", RopeScaling::Longrope}})},
        {"tied", yesOrNo(o.tied)},
        {"attentionBias", yesOrNo(o.attentionBias)},
        {"mlpBias", yesOrNo(o.mlpBias)},
        {"hidden", whole(o.hidden)},
        {"intermediate", whole(o.intermediate)},
        {"layers", whole(o.layers)},
        {"heads", whole(o.heads)},
        {"kvHeads", whole(o.kvHeads)},
        {"headDim", whole(o.headDim)},
        {"original", whole(o.original)},
        {"window", whole(o.window)},
        {"globalEvery", whole(o.globalEvery)},
        {"windowFrom", whole(o.windowFrom)},
        {"noRopeEvery", whole(o.noRopeEvery)},
        {"maxPositions", whole(o.maxPositions)},
        {"vocab", whole(o.vocab)},
        {"partialRotary", real(o.partialRotary)},
        {"residDropout", real(o.residDropout)},
        {"ropeTheta", real(o.ropeTheta)},
        {"localTheta", real(o.localTheta)},
        {"scalingFactor", real(o.scalingFactor)},
        {"queryScalar", real(o.queryScalar)},
        {"shards", [&o](const std::string& value) { o.shards = std::stoi(value); }},
        {"seed", [&o](const std::string& value) { o.seed = std::stoull(value); }}};
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        const std::size_t equals = word.find('=');
        const auto key = keys.find(word.substr(0, equals));
        try {
            if (equals == std::string::npos || key == keys.end()) throw std::invalid_argument(word);
            key->second(word.substr(equals + 1));
        } catch (const std::logic_error&) { // out of std::stod, map::at and the line above
            throw Error(ErrorCode::BadInput, "A tiny model has no option \"" + word + "\".", "See tests/support/tiny_model.h.");
        }
    }
    return o;
}

} // namespace testing_support
