// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/tiny_model.h"

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

namespace testing_support {
namespace {

using Json = nlohmann::ordered_json;

// So chosen that " negative" and " neutral" begin with the same token and every label is several tokens long.
constexpr std::array<std::array<const char*, 2>, 24> kMerges{{
    {"Ġ", "t"},    {"h", "e"},  {"Ġt", "he"}, {"i", "n"}, {"a", "n"},   {"e", "r"}, {"o", "n"}, {"r", "e"},
    {"n", "e"},    {"Ġ", "ne"}, {"t", "i"},   {"v", "e"}, {"ti", "ve"}, {"p", "o"}, {"s", "i"}, {"Ġ", "po"},
    {"Ġpo", "si"}, {"in", "g"}, {"e", "d"},   {"Ġ", "s"}, {"Ġ", "a"},   {"l", "l"}, {"o", "u"}, {"s", "t"},
}};

std::string utf8(unsigned code) {
    if (code < 0x80) return std::string(1, static_cast<char>(code));
    return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

// GPT-2's printable stand-in for each byte.
std::array<std::string, 256> byteSymbols() {
    std::array<std::string, 256> symbols;
    unsigned next = 256;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
        symbols[byte] = utf8(printable ? byte : next++);
    }
    return symbols;
}

void write(const std::filesystem::path& file, const Json& json) {
    std::ofstream(file, std::ios::binary) << json.dump(2) << '\n';
}

} // namespace

std::int64_t tinyVocabulary() {
    return 256 + static_cast<std::int64_t>(kMerges.size()) + 1;
}
std::int32_t tinyEos() {
    return static_cast<std::int32_t>(tinyVocabulary()) - 1;
}

void writeTinyTokenizer(const std::filesystem::path& folder, bool mergePairs) {
    Json vocab = Json::object();
    int id = 0;
    for (const std::string& symbol : byteSymbols()) vocab[symbol] = id++;
    Json merges = Json::array();
    for (const auto& [left, right] : kMerges) {
        vocab[std::string(left) + right] = id++;
        if (mergePairs)
            merges.push_back({left, right});
        else
            merges.push_back(std::string(left) + " " + right);
    }
    const std::string end = "<|endoftext|>";
    vocab[end] = tinyEos();
    const Json byteLevel{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
    write(folder / "tokenizer.json", {{"version", "1.0"},
                                      {"truncation", nullptr},
                                      {"padding", nullptr},
                                      {"added_tokens", Json::array({{{"id", tinyEos()},
                                                                     {"content", end},
                                                                     {"single_word", false},
                                                                     {"lstrip", false},
                                                                     {"rstrip", false},
                                                                     {"normalized", false},
                                                                     {"special", true}}})},
                                      {"normalizer", nullptr},
                                      {"pre_tokenizer", byteLevel},
                                      {"post_processor", nullptr},
                                      {"decoder", byteLevel},
                                      {"model",
                                       {{"type", "BPE"},
                                        {"dropout", nullptr},
                                        {"unk_token", nullptr},
                                        {"continuing_subword_prefix", nullptr},
                                        {"end_of_word_suffix", nullptr},
                                        {"fuse_unk", false},
                                        {"byte_fallback", false},
                                        {"ignore_merges", false},
                                        {"vocab", vocab},
                                        {"merges", merges}}}});
    write(folder / "tokenizer_config.json", {{"tokenizer_class", "PreTrainedTokenizerFast"},
                                             {"bos_token", end},
                                             {"eos_token", end},
                                             {"unk_token", end},
                                             {"add_bos_token", false},
                                             {"model_max_length", 512},
                                             {"clean_up_tokenization_spaces", false}});
}

} // namespace testing_support
