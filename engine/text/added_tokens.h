// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens found in the text before it is split into words.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

/// Names and meaning as in tokenizer.json.
struct AddedToken {
    std::string content;
    std::int32_t id = -1;
    bool single_word = false, lstrip = false, rstrip = false, normalized = false, special = false;
};

/// Finds the leftmost, and of those the longest, of a set of tokens.
class AddedTokenFinder {
public:
    AddedTokenFinder() = default;
    /// Tokens without content are left out.
    explicit AddedTokenFinder(std::vector<AddedToken> tokens);
    bool empty() const { return m_tokens.empty(); }

    /// Calls `onText` with each piece between tokens and where it begins, and `onToken` with each token, in the order of the
    /// text. White space goes to a token that strips it; a single_word token next to a word character is no token.
    void split(std::string_view text, const std::function<void(std::string_view, std::size_t)>& onText,
               const std::function<void(std::int32_t)>& onToken) const;

private:
    struct Node {
        std::int32_t token = -1; // index of the token that ends here
        std::vector<std::pair<unsigned char, std::int32_t>> next;
    };
    std::int32_t child(std::int32_t node, unsigned char byte) const;
    std::int32_t longestAt(std::string_view text, std::size_t at) const;

    std::vector<AddedToken> m_tokens;
    std::vector<Node> m_nodes; // a trie; 0 is its root
    std::array<std::int32_t, 256> m_first{};
};

} // namespace engine
