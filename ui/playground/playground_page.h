// SPDX-License-Identifier: GPL-3.0-or-later
// The Play page: one prompt, answered by the base model and by an adapter side by side.
#pragma once
#include "ui/backend.h"
#include "ui/document.h"
#include "ui/page.h"

class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QMenu;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;

namespace ui {

class PlaygroundPage : public Page {
    Q_OBJECT
public:
    explicit PlaygroundPage(Backend& backend, Document& document, QWidget* parent = nullptr);
    /// Chooses this run's adapter.
    void useRun(engine::RunId run);

private:
    struct Answer {
        QPlainTextEdit* text = nullptr;
        QLabel *facts = nullptr, *title = nullptr;
        QWidget* card = nullptr;
    };

    QWidget* buildPrompt();
    QWidget* buildSettings();
    QWidget* buildAnswer(int column);
    void listAdapters();
    void insertRow();
    void runOrStop();
    void start();
    void setRunning(bool running);
    void remember(const QString& prompt);
    void finished(int column, const QString& text, const QString& facts);

    Backend& m_backend;
    Document& m_document;
    QPlainTextEdit* m_prompt = nullptr;
    QPushButton *m_run = nullptr, *m_insert = nullptr, *m_history = nullptr;
    QMenu* m_prompts = nullptr;
    QComboBox* m_adapter = nullptr;
    QSpinBox *m_tokens = nullptr, *m_topK = nullptr, *m_seed = nullptr;
    QDoubleSpinBox *m_temperature = nullptr, *m_topP = nullptr;
    QLabel* m_problem = nullptr;
    Answer m_answers[2];
    quint64 m_token = 0; // of the request whose answers are shown
    int m_open = 0;      // answers still to finish
    std::size_t m_nextRow = 0;
};

} // namespace ui
