// SPDX-License-Identifier: GPL-3.0-or-later
// tokenizer.json's normalizers: how text is rewritten before it is split.
#pragma once
#include "engine/text/pattern.h"

#include <optional>
#include <variant>

namespace engine {

class Normalizer {
public:
    enum class Form { Nfc, Nfd, Nfkc, Nfkd };
    struct Lowercase {};
    struct Prepend {
        std::string text;
    }; // to what is not empty
    struct Replace {
        Pattern pattern;
        std::string content;
    };
    using Step = std::variant<Form, Lowercase, Prepend, Replace>;

    void add(Step step) { m_steps.push_back(std::move(step)); }
    bool empty() const { return m_steps.empty(); }
    const std::vector<Step>& steps() const { return m_steps; }
    /// Bytes that are not UTF-8 pass as they are. Without `prefixed`, nothing is prepended.
    std::string apply(std::string_view text, bool prefixed = true) const;

private:
    std::vector<Step> m_steps;
};

} // namespace engine
