// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/vocabulary.h"
#include "engine/error.h"
#include "engine/weights/tensor_view.h"

#include <functional>

namespace engine {

std::size_t Vocabulary::slot(std::string_view token) const {
    const std::size_t mask = m_slots.size() - 1;
    std::size_t at = std::hash<std::string_view>{}(token)&mask;
    while (m_slots[at] >= 0 && m_tokens[static_cast<std::size_t>(m_slots[at])] != token) at = (at + 1) & mask;
    return at;
}

void Vocabulary::add(std::string token, std::int64_t id, const std::string& where) {
    const auto refuse = [&](const std::string& what) { throw Error(ErrorCode::BadInput, where + ": " + what); };
    if (id < 0 || id >= kMaxIds)
        refuse("the token " + quote(token) + " has the id " + std::to_string(id) + ", but ids go from 0 to " +
               std::to_string(kMaxIds - 1) + ".");
    if (has(id))
        refuse("the tokens " + quote(at(static_cast<std::int32_t>(id))) + " and " + quote(token) + " both have the id " +
               std::to_string(id) + ".");
    if (m_slots.size() < 2 * (m_count + 1)) {
        m_slots.assign(m_slots.empty() ? 1024 : 2 * m_slots.size(), -1);
        for (std::size_t n = 0; n < m_tokens.size(); ++n)
            if (m_present[n]) m_slots[slot(m_tokens[n])] = static_cast<std::int32_t>(n);
    }
    const std::size_t free = slot(token);
    if (m_slots[free] >= 0)
        refuse("the token " + quote(token) + " has two ids, " + std::to_string(m_slots[free]) + " and " + std::to_string(id) +
               ".");
    const auto index = static_cast<std::size_t>(id);
    if (index >= m_tokens.size()) {
        m_tokens.resize(index + 1);
        m_present.resize(index + 1);
    }
    m_tokens[index] = std::move(token);
    m_present[index] = true;
    m_slots[free] = static_cast<std::int32_t>(id);
    ++m_count;
}

std::int32_t Vocabulary::find(std::string_view token) const {
    return m_slots.empty() ? -1 : m_slots[slot(token)];
}

bool Vocabulary::has(std::int64_t id) const {
    return id >= 0 && id < size() && m_present[static_cast<std::size_t>(id)];
}

} // namespace engine
