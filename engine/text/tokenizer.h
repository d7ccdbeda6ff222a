// SPDX-License-Identifier: GPL-3.0-or-later
// Byte-pair encoding: of bytes, as in GPT-2 and its descendants, or of characters, as SentencePiece's.
#pragma once
#include "engine/error.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

class GgufFile;

/// Immutable once made, so it may be shared among threads.
class Tokenizer {
public:
    /// A model folder: tokenizer.json, or vocab.json + merges.txt (+ added_tokens.json). Throws Error naming file and what is
    /// wrong.
    static Tokenizer fromFolder(const std::filesystem::path& folder);
    static Tokenizer fromGguf(const GgufFile& file);

    /// `text` is UTF-8 (bytes that are not are kept, byte by byte, where Python would see U+FFFD). Special tokens written in the
    /// text are recognised; none is added. A byte that the vocabulary cannot spell is left out, as by the tokenizers library.
    /// Throws Error(BadInput) when a regular expression of the tokenizer's file needs too many steps on this text.
    std::vector<std::int32_t> encode(std::string_view text) const;
    /// As encode, for text that goes on after other text: without the blank that some tokenizers put before a text.
    std::vector<std::int32_t> encodeContinuation(std::string_view text) const;
    /// Bytes of these tokens joined; may end in the middle of a character.
    std::string decode(const std::vector<std::int32_t>& ids, bool skipSpecial = false) const;
    std::string tokenBytes(std::int32_t id) const; // "" for an id that no token has
    std::int64_t size() const;                     // 1 + the highest id
    std::int32_t bos() const;                      // -1: none
    std::int32_t eos() const;                      // -1: none
    bool isSpecial(std::int32_t id) const;
    /// The model's own tokenizer puts bos before a text; encode() does not.
    bool addsBos() const;

private:
    struct Impl;
    std::vector<std::int32_t> encode(std::string_view text, bool prefixed) const;
    explicit Tokenizer(std::shared_ptr<const Impl> impl);
    std::shared_ptr<const Impl> m_impl;
};

} // namespace engine
