// SPDX-License-Identifier: GPL-3.0-or-later
// System, light or dark, kept from one start of the program to the next.
#pragma once
#include "ui/theme/theme.h"

#include <QMenu>

namespace ui {

class ThemeMenu : public QMenu {
    Q_OBJECT
public:
    explicit ThemeMenu(QWidget* parent = nullptr);
    /// Applies what was chosen last.
    void restore();

private:
    void choose(Mode mode);
};

} // namespace ui
