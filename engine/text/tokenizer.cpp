// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/tokenizer.h"
#include "engine/text/byte_level.h"
#include "engine/text/tokenizer_parts.h"

#include <algorithm>

namespace engine {

struct Tokenizer::Impl {
    explicit Impl(TokenizerParts given)
        : parts(std::move(given)), kinds(static_cast<std::size_t>(parts.vocabulary.size()), Kind::Model) {
        std::vector<AddedToken> inText, inNormalized;
        for (AddedToken token : parts.added) {
            kinds[static_cast<std::size_t>(token.id)] = token.special ? Kind::Special : Kind::Added;
            if (!token.normalized) {
                inText.push_back(std::move(token));
                continue;
            }
            token.content = parts.normalizer.apply(token.content);
            inNormalized.push_back(std::move(token));
        }
        text = AddedTokenFinder(std::move(inText));
        normalized = AddedTokenFinder(std::move(inNormalized));
    }

    enum class Kind : std::uint8_t { Model, Added, Special };

    std::string bytes(std::int32_t id) const {
        const std::string& token = parts.vocabulary.at(id);
        const bool added = kinds[static_cast<std::size_t>(id)] != Kind::Model;
        const TokenSpelling& spelling = parts.spelling;
        if (added && (spelling.byteLevel || spelling.space.empty())) return token;
        if (spelling.byteLevel) return bytesOfSymbols(token).value_or(token);
        if (!added && spelling.byteFallback && token.size() == 6 && token.starts_with("<0x") && token.ends_with('>')) {
            const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
            const int high = digit(token[3]);
            const int low = digit(token[4]);
            if (high >= 0 && low >= 0) return std::string(1, static_cast<char>(16 * high + low));
        }
        if (spelling.space.empty()) return token;
        std::string out;
        for (std::size_t at = 0; at < token.size();) {
            const bool space = token.compare(at, spelling.space.size(), spelling.space) == 0;
            out += space ? ' ' : token[at];
            at += space ? spelling.space.size() : 1;
        }
        return out;
    }

    TokenizerParts parts;
    AddedTokenFinder text, normalized; // added tokens sought before and after normalisation
    std::vector<Kind> kinds;
};

Tokenizer::Tokenizer(std::shared_ptr<const Impl> impl) : m_impl(std::move(impl)) {}

Tokenizer Tokenizer::fromFolder(const std::filesystem::path& folder) {
    std::error_code status;
    const auto has = [&](const char* name) { return std::filesystem::exists(folder / name, status); };
    if (has("tokenizer.json")) return Tokenizer(std::make_shared<const Impl>(partsFromTokenizerJson(folder)));
    if (has("vocab.json") && has("merges.txt")) return Tokenizer(std::make_shared<const Impl>(partsFromVocabAndMerges(folder)));
    if (has("tokenizer.model"))
        throw Error(ErrorCode::BadInput, (folder / "tokenizer.model").string() + ": SentencePiece files are not read.",
                    "Save the tokenizer with transformers' save_pretrained, which writes a tokenizer.json.");
    throw Error(ErrorCode::NotFound,
                folder.string() + " holds no tokenizer: neither tokenizer.json nor vocab.json with merges.txt.",
                "Fetch the model's tokenizer files into it.");
}

Tokenizer Tokenizer::fromGguf(const GgufFile& file) {
    return Tokenizer(std::make_shared<const Impl>(partsFromGguf(file)));
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text) const {
    return encode(text, true);
}

std::vector<std::int32_t> Tokenizer::encodeContinuation(std::string_view text) const {
    return encode(text, false);
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, bool prefixed) const {
    const TokenizerParts& parts = m_impl->parts;
    std::vector<std::int32_t> ids;
    ids.reserve(text.size() / 4 + 8);
    const PreTokenizer::Word onWord = [&](std::string_view word) { parts.bpe.encode(word, parts.vocabulary, ids); };
    const auto onToken = [&](std::int32_t id) { ids.push_back(id); };
    m_impl->text.split(
        text,
        [&](std::string_view piece, std::size_t begin) {
            const std::string rewritten = parts.normalizer.empty() ? std::string() : parts.normalizer.apply(piece, prefixed);
            m_impl->normalized.split(
                parts.normalizer.empty() ? piece : std::string_view(rewritten),
                [&](std::string_view part, std::size_t at) {
                    using Prefix = PreTokenizer::Prefix;
                    const Prefix prefix = !prefixed ? Prefix::None : begin == 0 && at == 0 ? Prefix::OfText : Prefix::OfPiece;
                    parts.preTokenizer.split(part, prefix, onWord);
                },
                onToken);
        },
        onToken);
    return ids;
}

std::string Tokenizer::decode(const std::vector<std::int32_t>& ids, bool skipSpecial) const {
    std::string text;
    for (std::int32_t id : ids)
        if (!skipSpecial || !isSpecial(id)) text += tokenBytes(id);
    if (m_impl->parts.spelling.dropsFirstSpace && text.starts_with(' ')) text.erase(0, 1);
    return text;
}

std::string Tokenizer::tokenBytes(std::int32_t id) const {
    return m_impl->parts.vocabulary.has(id) ? m_impl->bytes(id) : std::string();
}

std::int64_t Tokenizer::size() const {
    return m_impl->parts.vocabulary.size();
}

std::int32_t Tokenizer::bos() const {
    return m_impl->parts.bos;
}

std::int32_t Tokenizer::eos() const {
    return m_impl->parts.eos;
}

bool Tokenizer::addsBos() const {
    return m_impl->parts.addsBos && m_impl->parts.bos >= 0;
}

bool Tokenizer::isSpecial(std::int32_t id) const {
    return m_impl->parts.vocabulary.has(id) && m_impl->kinds[static_cast<std::size_t>(id)] == Impl::Kind::Special;
}

} // namespace engine
