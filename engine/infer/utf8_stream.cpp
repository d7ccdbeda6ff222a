// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/infer/utf8_stream.h"

#include "engine/words/utf8.h"

namespace engine {

std::string Utf8Stream::push(std::string_view bytes) {
    m_held += bytes;
    std::string whole;
    std::string_view rest = m_held;
    while (!rest.empty()) {
        const Utf8Step step = utf8Step(rest, 0);
        if (step.kind == Utf8Step::Cut) break;
        whole += step.kind == Utf8Step::Whole ? rest.substr(0, step.bytes) : kReplacementCharacter;
        rest.remove_prefix(step.bytes);
    }
    m_held = std::string(rest);
    return whole;
}

std::string Utf8Stream::finish() {
    const bool cut = !m_held.empty();
    m_held.clear();
    return cut ? std::string(kReplacementCharacter) : std::string();
}

} // namespace engine
