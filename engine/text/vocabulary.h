// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens by id and ids by token, spelled as in the file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

class Vocabulary {
public:
    static constexpr std::int64_t kMaxIds = std::int64_t(1) << 20;

    /// Throws Error(BadInput), beginning with `where`, for an id that is negative, too large or given to two tokens, and for a
    /// token that has two ids.
    void add(std::string token, std::int64_t id, const std::string& where);
    std::int32_t find(std::string_view token) const; // -1: none
    bool has(std::int64_t id) const;
    const std::string& at(std::int32_t id) const { return m_tokens[static_cast<std::size_t>(id)]; } // "" for an id without token
    std::int64_t size() const { return static_cast<std::int64_t>(m_tokens.size()); }                // 1 + the highest id

private:
    std::size_t slot(std::string_view token) const;

    std::vector<std::string> m_tokens;
    std::vector<bool> m_present;
    std::vector<std::int32_t> m_slots; // open addressing; -1: free; at most half are taken
    std::size_t m_count = 0;
};

} // namespace engine
