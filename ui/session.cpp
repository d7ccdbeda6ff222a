// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/session.h"

#include "ui/document.h"
#include "ui/engine_text.h"

#include <QFileInfo>
#include <QSettings>

namespace ui {
namespace {

const QString kFile = QStringLiteral("file"), kDraft = QStringLiteral("draft");

} // namespace

void rememberDocument(const Document& document) {
    QSettings settings;
    settings.setValue(kFile, document.isModified() ? QString() : document.filePath());
    settings.setValue(kDraft, fromText(engine::toYaml(engine::withAbsolutePaths(document.experiment()))));
}

void restoreDocument(Document& document) {
    const QSettings settings;
    const QString file = settings.value(kFile).toString(), draft = settings.value(kDraft).toString();
    if (!file.isEmpty() && QFileInfo::exists(file)) {
        document.open(file);
        return;
    }
    if (draft.isEmpty()) return;
    try {
        document.setExperiment(engine::parseExperiment(draft.toStdString(), {}, {}));
    } catch (const engine::Error&) { // another version's: no loss worth a message
    }
}

} // namespace ui
