// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/theme/theme_menu.h"

#include <QActionGroup>
#include <QApplication>
#include <QSettings>

namespace ui {
namespace {

const QString kSetting = QStringLiteral("theme");

} // namespace

ThemeMenu::ThemeMenu(QWidget* parent) : QMenu(tr("&Theme"), parent) {
    auto* modes = new QActionGroup(this);
    for (const auto& [text, mode] :
         {std::pair(tr("System"), Mode::System), {tr("Light"), Mode::Light}, {tr("Dark"), Mode::Dark}}) {
        QAction* one = addAction(text);
        one->setCheckable(true);
        one->setData(int(mode));
        one->setChecked(mode == Mode::System);
        one->setObjectName(QStringLiteral("theme%1").arg(int(mode)));
        modes->addAction(one);
    }
    connect(modes, &QActionGroup::triggered, this, [this](QAction* chosen) { choose(Mode(chosen->data().toInt())); });
}

void ThemeMenu::restore() {
    Mode mode = Mode::System;
    const int kept = QSettings().value(kSetting, int(mode)).toInt();
    for (QAction* one : actions()) {
        if (one->data().toInt() != kept) continue;
        one->setChecked(true);
        mode = Mode(kept);
    }
    Theme::instance().apply(*qApp, mode);
}

void ThemeMenu::choose(Mode mode) {
    Theme::instance().apply(*qApp, mode);
    QSettings().setValue(kSetting, int(mode));
}

} // namespace ui
