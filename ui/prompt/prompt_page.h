// SPDX-License-Identifier: GPL-3.0-or-later
// Prompt: the template, how labels are spelled, and a row as the model will read it.
#pragma once
#include "ui/backend.h"
#include "ui/document.h"
#include "ui/page.h"

class QLabel;
class QPlainTextEdit;
class QPushButton;
class QSpinBox;
class QTableView;

namespace ui {

class Card;
class RenderedPrompt;
class SpellingModel;

class PromptPage : public Page {
    Q_OBJECT
public:
    explicit PromptPage(Backend& backend, Document& document, QWidget* parent = nullptr);
    ~PromptPage() override;

Q_SIGNALS:
    void nextRequested();
    /// There is no data to show a row of: go to the Data page.
    void dataRequested();

private:
    QWidget* buildTemplate();
    QWidget* buildExample();
    void refresh();
    void showProblem();
    void showRow();
    void step(int by);

    Document& m_document;
    QPlainTextEdit* m_template = nullptr;
    QLabel *m_problem = nullptr, *m_of = nullptr, *m_noData = nullptr;
    std::vector<QPushButton*> m_presets;
    QTableView* m_spellingTable = nullptr;
    SpellingModel* m_spellings = nullptr;
    Card *m_spellingCard = nullptr, *m_example = nullptr;
    QSpinBox* m_row = nullptr;
    QWidget* m_stepper = nullptr;
    QPushButton *m_back = nullptr, *m_forward = nullptr, *m_openData = nullptr;
    RenderedPrompt* m_rendered = nullptr;
};

} // namespace ui
