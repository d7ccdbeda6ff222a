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
    settings.setValue(kFile, document.filePath());
    const bool isDraft = document.filePath().isEmpty() && !document.isModified();
    settings.setValue(kDraft, isDraft ? fromText(engine::toYaml(engine::withAbsolutePaths(document.experiment()))) : QString());
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
        document.begin(engine::parseExperiment(draft.toStdString(), {}, {}));
    } catch (const engine::Error&) { // another version's: no loss worth a message
    }
}

} // namespace ui
