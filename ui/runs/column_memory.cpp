// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/runs/column_memory.h"

#include <QSettings>

namespace ui {

void rememberColumns(const QHeaderView& header, const QStringList& names, const QString& settingsKey) {
    QSettings settings;
    settings.remove(settingsKey);
    settings.beginWriteArray(settingsKey, int(names.size()));
    for (int place = 0; place < header.count(); ++place) {
        const int section = header.logicalIndex(place);
        settings.setArrayIndex(place);
        settings.setValue(QStringLiteral("name"), names[section]);
        settings.setValue(QStringLiteral("hidden"), header.isSectionHidden(section));
        settings.setValue(QStringLiteral("width"), header.isSectionHidden(section) ? 0 : header.sectionSize(section));
        if (section == header.sortIndicatorSection()) settings.setValue(QStringLiteral("sort"), int(header.sortIndicatorOrder()));
    }
    settings.endArray();
}

void restoreColumns(QHeaderView& header, const QStringList& names, const QString& settingsKey) {
    QSettings settings;
    const int size = settings.beginReadArray(settingsKey);
    for (int i = 0, place = 0; i < size; ++i) {
        settings.setArrayIndex(i);
        const auto section = int(names.indexOf(settings.value(QStringLiteral("name")).toString()));
        if (section < 0) continue;
        header.moveSection(header.visualIndex(section), place++);
        const int width = settings.value(QStringLiteral("width")).toInt();
        if (width > 0) header.resizeSection(section, width);
        header.setSectionHidden(section, settings.value(QStringLiteral("hidden")).toBool());
        if (const QVariant sort = settings.value(QStringLiteral("sort")); sort.isValid())
            header.setSortIndicator(section, Qt::SortOrder(sort.toInt()));
    }
    settings.endArray();
}

} // namespace ui
