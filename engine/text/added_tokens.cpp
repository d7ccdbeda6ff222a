// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/added_tokens.h"
#include "engine/text/unicode.h"

#include <algorithm>

namespace engine {

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : m_tokens(std::move(tokens)), m_nodes(1) {
    std::erase_if(m_tokens, [](const AddedToken& token) { return token.content.empty(); });
    for (std::size_t n = 0; n < m_tokens.size(); ++n) {
        std::int32_t node = 0;
        for (char c : m_tokens[n].content) {
            const auto byte = static_cast<unsigned char>(c);
            std::int32_t next = child(node, byte);
            if (next < 0) {
                next = static_cast<std::int32_t>(m_nodes.size());
                m_nodes[static_cast<std::size_t>(node)].next.emplace_back(byte, next);
                m_nodes.emplace_back();
            }
            node = next;
        }
        m_nodes[static_cast<std::size_t>(node)].token = static_cast<std::int32_t>(n);
    }
    for (unsigned byte = 0; byte < 256; ++byte) m_first[byte] = child(0, static_cast<unsigned char>(byte));
}

std::int32_t AddedTokenFinder::child(std::int32_t node, unsigned char byte) const {
    for (const auto& [label, next] : m_nodes[static_cast<std::size_t>(node)].next)
        if (label == byte) return next;
    return -1;
}

std::int32_t AddedTokenFinder::longestAt(std::string_view text, std::size_t at) const {
    std::int32_t longest = -1;
    std::int32_t node = m_first[static_cast<unsigned char>(text[at])];
    while (node >= 0) {
        const Node& here = m_nodes[static_cast<std::size_t>(node)];
        if (here.token >= 0) longest = here.token;
        if (++at == text.size()) break;
        node = child(node, static_cast<unsigned char>(text[at]));
    }
    return longest;
}

void AddedTokenFinder::split(std::string_view text, const std::function<void(std::string_view, std::size_t)>& onText,
                             const std::function<void(std::int32_t)>& onToken) const {
    std::size_t done = 0;
    for (std::size_t at = 0; at < text.size() && !m_tokens.empty();) {
        const std::int32_t found = longestAt(text, at);
        if (found < 0) {
            ++at;
            continue;
        }
        const AddedToken& token = m_tokens[static_cast<std::size_t>(found)];
        std::size_t begin = at;
        std::size_t end = at + token.content.size();
        at = end;
        if (token.single_word) {
            const bool joinsLeft = begin > 0 && isWordCharacter(characterAt(text, characterBefore(text, begin)).code);
            const bool joinsRight = end < text.size() && isWordCharacter(characterAt(text, end).code);
            if (joinsLeft || joinsRight) continue;
        }
        if (token.lstrip) {
            while (begin > done && characterAt(text, characterBefore(text, begin)).kind == CharKind::Space)
                begin = characterBefore(text, begin);
            begin = std::max(begin, done);
        }
        if (token.rstrip) {
            while (end < text.size()) {
                const Character c = characterAt(text, end);
                if (c.kind != CharKind::Space) break;
                end += c.bytes;
            }
        }
        if (done < begin) onText(text.substr(done, begin - done), done);
        onToken(token.id);
        done = end;
    }
    if (done < text.size()) onText(text.substr(done), done);
}

} // namespace engine
