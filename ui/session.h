// SPDX-License-Identifier: GPL-3.0-or-later
// What is being edited, kept from one start of the program to the next.
#pragma once

namespace ui {

class Document;

/// Where its file is, or itself when it has none and nothing was changed in it: whoever had changed something was asked.
void rememberDocument(const Document& document);
/// Opens what was remembered; nothing where there is nothing, or nothing that this version can read.
void restoreDocument(Document& document);

} // namespace ui
