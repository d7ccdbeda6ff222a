// SPDX-License-Identifier: GPL-3.0-or-later
// Icons drawn from resources/icons/*.svg in the theme's colours; they follow a change of theme by themselves.
#pragma once
#include "ui/theme/theme.h"

#include <QIcon>

namespace ui {

/// `name` without ".svg"; off in `token`'s colour, on (checked) in the accent, disabled fainter.
QIcon icon(const QString& name, Token token = Token::Muted);

} // namespace ui
