// SPDX-License-Identifier: GPL-3.0-or-later
// Everything about the selected run beside the table: facts, tags, note, settings, files.
#pragma once
#include "ui/backend.h"

#include <QFrame>

class QLabel;
class QLineEdit;
class QMenu;
class QPlainTextEdit;
class QPushButton;
class QTimer;
class QVBoxLayout;

namespace ui {

class ElidedLabel;
class FlowBox;

class RunDrawer : public QFrame {
    Q_OBJECT
public:
    static constexpr int kWidth = 336;
    explicit RunDrawer(Backend& backend, QWidget* parent = nullptr);

    /// None or several: a sentence in its place.
    void show(const QList<engine::RunId>& runs);
    /// Writes a note that is still being typed.
    void flush();

Q_SIGNALS:
    void noteChanged(engine::RunId run, const QString& note);
    void tagAdded(engine::RunId run, const QString& tag);
    void tagRemoved(engine::RunId run, const QString& tag);
    void openRequested(engine::RunId run);
    void resumeRequested(engine::RunId run);
    void exportRequested(engine::RunId run, const QString& format, const engine::ExportChoices& choices);
    void deleteRequested(const QList<engine::RunId>& runs);
    void problem(const QString& text);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void build();
    void fill(const engine::RunDetail& detail);
    QMenu* buildExports();
    void fillExports();
    void fillTags(const engine::RunSummary& run);
    void restyle();

    Backend& m_backend;
    QList<engine::RunId> m_runs;
    engine::RunDetail m_detail;
    QWidget *m_single = nullptr, *m_other = nullptr;
    QLabel *m_swatch = nullptr, *m_otherText = nullptr, *m_facts = nullptr, *m_settings = nullptr, *m_files = nullptr,
           *m_filesTitle = nullptr;
    ElidedLabel* m_name = nullptr;
    QPushButton *m_open = nullptr, *m_resume = nullptr, *m_export = nullptr, *m_delete = nullptr, *m_deleteMany = nullptr;
    FlowBox* m_tags = nullptr;
    QLineEdit* m_newTag = nullptr;
    QPlainTextEdit* m_note = nullptr;
    QTimer* m_noteTimer = nullptr;
};

} // namespace ui
