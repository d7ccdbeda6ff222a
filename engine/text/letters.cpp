// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/text/letters.h"

#include <unicode/locid.h>
#include <unicode/unistr.h>

namespace engine {

std::string lowerCase(const std::string& text) {
    std::string lower;
    icu::UnicodeString::fromUTF8(text).toLower(icu::Locale::getRoot()).toUTF8String(lower);
    return lower;
}

} // namespace engine
