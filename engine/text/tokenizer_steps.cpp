// SPDX-License-Identifier: GPL-3.0-or-later
// normalizer, pre_tokenizer, decoder and post_processor of tokenizer.json.
#include "engine/error.h"
#include "engine/text/json_access.h"
#include "engine/text/tokenizer_parts.h"
#include "engine/weights/tensor_view.h"

namespace engine {

namespace {

using Json = nlohmann::json;

constexpr int kMaxSteps = 64;

[[noreturn]] void unsupported(const std::string& where, const std::string& kind, const std::string& type) {
    throw Error(ErrorCode::BadInput, where + ": " + kind + " of the type " + quote(type) + " are not supported.",
                "Phibench reads the byte-pair tokenizers of the GPT-2 and Llama families.");
}

Pattern readPattern(const Json& json, const std::string& where) {
    const Json& pattern = memberOf(json, "pattern", where);
    if (pattern.is_object() && pattern.contains("Regex")) return Pattern::regex(textOf(pattern, "Regex", where), where);
    if (pattern.is_object() && pattern.contains("String")) return Pattern::literal(textOf(pattern, "String", where));
    throw Error(ErrorCode::BadInput, where + ": the pattern is neither a Regex nor a String.");
}

void addNormalizer(Normalizer& normalizer, const Json& json, const std::string& where, int& count) {
    const std::string type = textOf(json, "type", where);
    if (type == "Sequence") {
        for (const Json& step : listOf(json, "normalizers", where)) addNormalizer(normalizer, step, where, count);
        return;
    }
    if (++count > kMaxSteps)
        throw Error(ErrorCode::BadInput, where + ": there are more than " + std::to_string(kMaxSteps) + " steps.");
    if (type == "NFC")
        normalizer.add(Normalizer::Form::Nfc);
    else if (type == "NFD")
        normalizer.add(Normalizer::Form::Nfd);
    else if (type == "NFKC")
        normalizer.add(Normalizer::Form::Nfkc);
    else if (type == "NFKD")
        normalizer.add(Normalizer::Form::Nfkd);
    else if (type == "Lowercase")
        normalizer.add(Normalizer::Lowercase{});
    else if (type == "Prepend")
        normalizer.add(Normalizer::Prepend{textOf(json, "prepend", where)});
    else if (type == "Replace")
        normalizer.add(Normalizer::Replace{readPattern(json, where), textOf(json, "content", where)});
    else
        unsupported(where, "normalizers", type);
}

PreTokenizer::Step readSplit(const Json& json, const std::string& where) {
    const std::string name = textOf(json, "behavior", where);
    const bool invert = flagOf(json, "invert", false, where);
    SplitBehavior behavior = SplitBehavior::Isolated;
    if (name == "Isolated")
        behavior = SplitBehavior::Isolated;
    else if (name == "Removed")
        behavior = SplitBehavior::Removed;
    else if (name == "MergedWithPrevious")
        behavior = SplitBehavior::MergedWithPrevious;
    else if (name == "MergedWithNext")
        behavior = SplitBehavior::MergedWithNext;
    else if (name == "Contiguous")
        behavior = SplitBehavior::Contiguous;
    else
        throw Error(ErrorCode::BadInput, where + ": the Split behavior " + quote(name) + " is not known.");
    // The known expressions match every character, so these two ways to say "each match is a word" are the same.
    if ((behavior == SplitBehavior::Isolated && !invert) || (behavior == SplitBehavior::Removed && invert)) {
        const Json& pattern = memberOf(json, "pattern", where);
        if (pattern.is_object() && pattern.contains("Regex"))
            if (const KnownSplit* known = PreTokenizer::find(textOf(pattern, "Regex", where))) return PreTokenizer::Known{*known};
    }
    return PreTokenizer::Split{readPattern(json, where), behavior, invert};
}

PreTokenizer::Metaspace readMetaspace(const Json& json, const std::string& where) {
    using Prepend = PreTokenizer::Metaspace::Prepend;
    PreTokenizer::Metaspace meta;
    meta.replacement = textOf(json, "replacement", where);
    if (meta.replacement.empty()) throw Error(ErrorCode::BadInput, where + ": the Metaspace replacement is empty.");
    meta.split = flagOf(json, "split", true, where);
    const std::string scheme =
        textOf(json, "prepend_scheme", where, flagOf(json, "add_prefix_space", true, where) ? "always" : "never");
    if (scheme == "always")
        meta.prepend = Prepend::Always;
    else if (scheme == "first")
        meta.prepend = Prepend::First;
    else if (scheme == "never")
        meta.prepend = Prepend::Never;
    else
        throw Error(ErrorCode::BadInput, where + ": the prepend_scheme " + quote(scheme) + " is not known.");
    return meta;
}

void addPreTokenizer(PreTokenizer& steps, const Json& json, const std::string& where, bool& byteLevel, int& count) {
    const std::string type = textOf(json, "type", where);
    if (type == "Sequence") {
        for (const Json& step : listOf(json, "pretokenizers", where)) addPreTokenizer(steps, step, where, byteLevel, count);
        return;
    }
    if (++count > kMaxSteps)
        throw Error(ErrorCode::BadInput, where + ": there are more than " + std::to_string(kMaxSteps) + " steps.");
    if (byteLevel)
        throw Error(ErrorCode::BadInput, where + ": the step " + quote(type) + " comes after ByteLevel, which is not supported.");
    if (type == "ByteLevel") {
        byteLevel = true;
        if (flagOf(json, "add_prefix_space", true, where)) steps.add(PreTokenizer::PrefixSpace{});
        if (flagOf(json, "use_regex", true, where)) steps.add(PreTokenizer::Known{KnownSplit::Gpt2});
    } else if (type == "Digits") {
        steps.add(PreTokenizer::Digits{flagOf(json, "individual_digits", false, where)});
    } else if (type == "Split") {
        steps.add(readSplit(json, where));
    } else if (type == "Metaspace") {
        steps.add(readMetaspace(json, where));
    } else {
        unsupported(where, "pre-tokenizers", type);
    }
}

void addDecoder(TokenSpelling& spelling, const Json& json, const std::string& where) {
    const std::string type = textOf(json, "type", where);
    if (type == "Sequence") {
        for (const Json& step : listOf(json, "decoders", where)) addDecoder(spelling, step, where);
    } else if (type == "ByteLevel") {
        spelling.byteLevel = true;
    } else if (type == "ByteFallback") {
        spelling.byteFallback = true;
    } else if (type == "Metaspace") {
        const PreTokenizer::Metaspace meta = readMetaspace(json, where);
        spelling.space = meta.replacement;
        spelling.dropsFirstSpace = meta.prepend != PreTokenizer::Metaspace::Prepend::Never;
    } else if (type == "Replace") {
        const Json& pattern = memberOf(json, "pattern", where);
        if (textOf(json, "content", where) != " " || !pattern.is_object() || !pattern.contains("String"))
            throw Error(ErrorCode::BadInput,
                        where + ": a Replace that does anything but write blanks for a string is not supported.");
        spelling.space = textOf(pattern, "String", where);
    } else if (type == "Strip") {
        const Json& start = memberOf(json, "start", where);
        const Json& stop = memberOf(json, "stop", where);
        if (textOf(json, "content", where) != " " || (start != 0 && start != 1) || stop != 0)
            throw Error(ErrorCode::BadInput, where + ": a Strip of anything but one leading blank is not supported.");
        spelling.dropsFirstSpace = start == 1;
    } else if (type != "Fuse") {
        unsupported(where, "decoders", type);
    }
}

} // namespace

Normalizer readNormalizer(const Json& json, const std::string& where) {
    Normalizer normalizer;
    int count = 0;
    if (!json.is_null()) addNormalizer(normalizer, json, where, count);
    return normalizer;
}

PreTokenizer readPreTokenizer(const Json& json, const std::string& where, bool& byteLevel) {
    PreTokenizer steps;
    byteLevel = false;
    int count = 0;
    if (!json.is_null()) addPreTokenizer(steps, json, where, byteLevel, count);
    return steps;
}

TokenSpelling readDecoder(const Json& json, const std::string& where) {
    TokenSpelling spelling;
    spelling.byteLevel = false;
    if (!json.is_null()) addDecoder(spelling, json, where);
    return spelling;
}

std::string readPostProcessor(const Json& json, const std::string& where) {
    if (json.is_null()) return {};
    const std::string type = textOf(json, "type", where);
    if (type == "Sequence") {
        std::string first;
        for (const Json& step : listOf(json, "processors", where)) {
            const std::string token = readPostProcessor(step, where);
            if (first.empty()) first = token;
        }
        return first;
    }
    if (type == "ByteLevel") return {}; // moves offsets alone
    if (type != "TemplateProcessing") unsupported(where, "post-processors", type);
    const Json& single = listOf(json, "single", where);
    if (single.empty() || !single.front().is_object() || !single.front().contains("SpecialToken")) return {};
    return textOf(single.front()["SpecialToken"], "id", where);
}

} // namespace engine
