// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/infer/generate.h"
#include "engine/infer/sampler.h"
#include "engine/infer/utf8_stream.h"

#include <algorithm>
#include <chrono>

namespace engine {

namespace {

/// Tokens of a prompt read at once: enough for fast products, few enough that a stop is answered soon.
constexpr std::int64_t kPrefillRows = 256;

double secondsSince(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Whether a text of so many tokens is the first beyond LongRope's original context: all of it turns otherwise than before.
bool turnsAnew(const DecoderConfig& config, std::int64_t tokens) {
    return std::ranges::any_of(config.rotary, [&](const Rotary& rotary) {
        const RotaryScaling& s = rotary.scaling;
        return s.kind == RotaryScaling::Kind::LongRope && tokens == s.originalContext + 1;
    });
}

} // namespace

Generated generate(const Decoder& decoder, const Tokenizer& tokenizer, const std::vector<std::int32_t>& prompt,
                   const GenerateOptions& options, const std::function<void(const std::string&)>& onText, std::stop_token stop) {
    const DecoderConfig& config = decoder.config();
    const auto length = static_cast<std::int64_t>(prompt.size());
    if (prompt.empty()) throw Error(ErrorCode::BadInput, "The prompt is empty.", "Write something for the model to go on from.");
    if (length > config.max_positions)
        throw Error(ErrorCode::BadInput,
                    "The prompt is " + std::to_string(length) + " tokens long, but this model reads " +
                        std::to_string(config.max_positions) + ".",
                    "Shorten it.");
    Sampler sampler(options);
    const std::int64_t most = std::min(options.maxNewTokens, config.max_positions - length + 1); // the last token is not read

    Generated result;
    KvCache cache(config, decoder.precision(), decoder.device());
    const int segment = cache.addSegment(length + most - 1);
    at::Tensor logits;
    const auto read = [&](std::span<const std::int32_t> tokens, bool last) {
        Pack pack;
        const int node = pack.addCached(tokens, segment, cache.chainLength(segment), true);
        if (last)
            logits = decoder.logits(pack, {pack.lastRow(node)}, &cache);
        else
            decoder.prefill(pack, cache);
    };

    /// From nothing; false: stopped before the end.
    const auto readAll = [&](const std::vector<std::int32_t>& text) {
        cache.truncate(segment, 0);
        cache.setLongest(std::ssize(text));
        for (std::int64_t at = 0; at < std::ssize(text); at += kPrefillRows) {
            if (stop.stop_requested()) return false;
            const std::int64_t count = std::min(kPrefillRows, std::ssize(text) - at);
            read(std::span(text).subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(count)),
                 at + count == std::ssize(text));
        }
        return true;
    };

    auto begin = std::chrono::steady_clock::now();
    if (!readAll(prompt)) {
        result.stopped = true;
        return result;
    }
    if (const double seconds = secondsSince(begin); seconds > 0)
        result.prefillTokensPerSecond = static_cast<double>(length) / seconds;

    begin = std::chrono::steady_clock::now();
    Utf8Stream stream;
    const auto say = [&](const std::string& text) {
        if (text.empty()) return;
        result.text += text;
        if (onText) onText(text);
    };
    while (true) {
        const std::int32_t token = sampler.pick(logits.const_data_ptr<float>(), logits.size(1));
        if (token == config.eos || token == tokenizer.eos()) break;
        result.ids.push_back(token);
        say(stream.push(tokenizer.isSpecial(token) ? std::string() : tokenizer.tokenBytes(token)));
        if (static_cast<std::int64_t>(result.ids.size()) >= most) break;
        result.stopped = stop.stop_requested();
        if (!result.stopped && turnsAnew(config, length + std::ssize(result.ids))) {
            std::vector<std::int32_t> text = prompt;
            text.insert(text.end(), result.ids.begin(), result.ids.end());
            result.stopped = !readAll(text);
        } else if (!result.stopped) {
            read(std::span(&result.ids.back(), 1), true);
        }
        if (result.stopped) break;
    }
    say(stream.finish());
    // The first token came with the prompt.
    const auto decoded = static_cast<double>(result.ids.size()) - 1;
    if (const double seconds = secondsSince(begin); seconds > 0 && decoded > 0) result.decodeTokensPerSecond = decoded / seconds;
    return result;
}

} // namespace engine
