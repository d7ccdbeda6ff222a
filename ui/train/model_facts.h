// SPDX-License-Identifier: GPL-3.0-or-later
// What the chosen model is, what of it is trained, and the memory that takes, without loading it.
#pragma once
#include "ui/document.h"

#include <QWidget>

class QLabel;
class QTimer;

namespace ui {

class MemoryBar;

class ModelFactsView : public QWidget {
    Q_OBJECT
public:
    ModelFactsView(Backend& backend, Document& document, QWidget* parent = nullptr);
    /// Why the model cannot be used; empty: it can, or is still being looked at.
    QString problem() const { return m_problem; }

Q_SIGNALS:
    void problemChanged();

private:
    void ask();
    void refresh();
    void showFacts();
    void showMemory();
    void setProblem(const QString& text);

    Backend& m_backend;
    Document& m_document;
    QTimer* m_pause = nullptr;
    quint64 m_token = 0;
    std::string m_asked; // model and LoRA asked about
    std::optional<engine::ModelFacts> m_facts;
    std::int64_t m_trainable = 0;
    QString m_problem;
    QLabel *m_name = nullptr, *m_precision = nullptr, *m_parameters = nullptr, *m_trains = nullptr, *m_memory = nullptr,
           *m_tight = nullptr, *m_error = nullptr;
    MemoryBar* m_parts = nullptr;
    QWidget* m_table = nullptr;
};

} // namespace ui
