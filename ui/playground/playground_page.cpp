// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/playground/playground_page.h"

#include "engine/prompt/template.h"
#include "ui/card.h"
#include "ui/engine_text.h"
#include "ui/run_words.h"
#include "ui/theme/theme.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QShortcut>
#include <QSpinBox>

#include <algorithm>

namespace ui {

using namespace engine;

namespace {

constexpr int kPromptHeight = 128;
constexpr int kRemembered = 20;

/// A setting with its name above it.
template <class Editor>
Editor* named(QHBoxLayout* row, const QString& name, const QString& help, Editor* editor, const char* objectName) {
    auto* column = new QVBoxLayout;
    column->setSpacing(kGrid / 2);
    auto* label = new QLabel(name);
    label->setBuddy(editor);
    setRole(label, "small");
    column->addWidget(label);
    column->addWidget(editor);
    row->addLayout(column);
    editor->setObjectName(QString::fromLatin1(objectName));
    editor->setToolTip(help);
    editor->setAccessibleName(name);
    return editor;
}

template <class Spin, class Number> Spin* spin(Number least, Number most, Number value) {
    auto* box = new Spin;
    box->setRange(least, most);
    box->setValue(value);
    box->setFixedWidth(96);
    return box;
}

} // namespace

PlaygroundPage::PlaygroundPage(Backend& backend, Document& document, QWidget* parent)
    : Page(tr("Play"), tr("What does the model say, before and after training?"), parent), m_backend(backend),
      m_document(document) {
    m_run = primaryAction(tr("Run"));
    m_run->setObjectName(QStringLiteral("playRun"));
    m_run->setToolTip(tr("Ctrl+Enter in the prompt"));
    connect(m_run, &QPushButton::clicked, this, &PlaygroundPage::runOrStop);

    content()->addWidget(buildPrompt());
    m_problem = new QLabel;
    m_problem->setObjectName(QStringLiteral("playProblem"));
    m_problem->setWordWrap(true);
    setRole(m_problem, "error");
    m_problem->hide();
    content()->addWidget(m_problem);
    auto* answers = new QHBoxLayout;
    answers->setSpacing(2 * kGrid);
    for (int column = 0; column < 2; ++column) answers->addWidget(buildAnswer(column), 1);
    content()->addLayout(answers, 1);

    connect(&m_backend, &Backend::runsChanged, this, &PlaygroundPage::listAdapters);
    connect(&m_document, &Document::dataChanged, this, [this] { m_insert->setEnabled(m_document.dataset().has_value()); });
    connect(&m_backend, &Backend::playgroundToken, this, [this](quint64 token, int column, const QString& text) {
        if (token != m_token || column < 0 || column > 1) return;
        QTextCursor cursor(m_answers[column].text->document());
        cursor.movePosition(QTextCursor::End);
        cursor.insertText(text);
    });
    connect(&m_backend, &Backend::playgroundFinished, this,
            [this](quint64 token, int column, const QString& text, const QString& facts) {
                if (token == m_token && column >= 0 && column < 2) finished(column, text, facts);
            });
    connect(&m_backend, &Backend::playgroundFailed, this, [this](quint64 token, const QString& message, const QString& hint) {
        if (token != m_token) return;
        m_problem->setText(hint.isEmpty() ? message : message + QLatin1Char(' ') + hint);
        m_problem->show();
        for (Answer& answer : m_answers) answer.facts->clear();
        setRunning(false);
    });
    m_insert->setEnabled(m_document.dataset().has_value());
    listAdapters();
}

QWidget* PlaygroundPage::buildPrompt() {
    auto* card = new Card(tr("Prompt"));
    m_insert = new QPushButton(tr("Next row of the data"));
    m_insert->setObjectName(QStringLiteral("playInsert"));
    m_insert->setToolTip(tr("Writes the question of a row, as the model is asked it. Open a file on the Data page first."));
    setRole(m_insert, "quiet");
    connect(m_insert, &QPushButton::clicked, this, &PlaygroundPage::insertRow);
    card->addToHeader(m_insert);
    m_history = new QPushButton(tr("Earlier prompts"));
    m_history->setObjectName(QStringLiteral("playHistory"));
    m_history->setToolTip(tr("Prompts run since the program was opened"));
    setRole(m_history, "quiet");
    m_prompts = new QMenu(m_history);
    m_history->setMenu(m_prompts);
    m_history->setEnabled(false);
    card->addToHeader(m_history);

    m_prompt = new QPlainTextEdit;
    m_prompt->setObjectName(QStringLiteral("playPrompt"));
    m_prompt->setAccessibleName(tr("Prompt"));
    m_prompt->setTabChangesFocus(true);
    m_prompt->setFixedHeight(kPromptHeight);
    m_prompt->setPlaceholderText(tr("Write what the model should go on from, or take a row of the data."));
    setRole(m_prompt, "mono");
    for (const auto key : {Qt::Key_Return, Qt::Key_Enter}) {
        auto* shortcut = new QShortcut(QKeySequence(Qt::CTRL | key), m_prompt, nullptr, nullptr, Qt::WidgetShortcut);
        connect(shortcut, &QShortcut::activated, this, &PlaygroundPage::runOrStop);
    }
    card->body()->addWidget(m_prompt);
    card->body()->addWidget(buildSettings());
    return card;
}

QWidget* PlaygroundPage::buildSettings() {
    auto* box = new QWidget;
    auto* row = new QHBoxLayout(box);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(2 * kGrid);
    m_adapter = named(row, tr("Compare with"), tr("The adapter of a finished training"), new QComboBox, "playAdapter");
    m_adapter->setMinimumWidth(220);
    m_tokens = named(row, tr("New tokens"), tr("At most this many"), spin<QSpinBox>(1, 4096, 24), "playTokens");
    m_temperature = named(row, tr("Temperature"), tr("0 always takes the likeliest token; 1 draws as the model weighs them"),
                          spin<QDoubleSpinBox>(0.0, 5.0, 0.0), "playTemperature");
    m_temperature->setSingleStep(0.1);
    m_topK = named(row, tr("Top k"), tr("Draw among the k likeliest tokens only; 0: among all"), spin<QSpinBox>(0, 1000000, 0),
                   "playTopK");
    m_topP = named(row, tr("Top p"), tr("Draw among the likeliest tokens that make up this share; 1: among all"),
                   spin<QDoubleSpinBox>(0.0, 1.0, 1.0), "playTopP");
    m_topP->setSingleStep(0.05);
    m_topP->setMinimum(0.01);
    m_seed = named(row, tr("Seed"), tr("The same seed draws the same tokens"), spin<QSpinBox>(0, 2147483647, 0), "playSeed");
    row->addStretch(1);
    const auto drawn = [this](double temperature) {
        for (QWidget* only : {static_cast<QWidget*>(m_topK), static_cast<QWidget*>(m_topP), static_cast<QWidget*>(m_seed)})
            only->setEnabled(temperature > 0);
    };
    connect(m_temperature, &QDoubleSpinBox::valueChanged, this, drawn);
    drawn(0);
    return box;
}

QWidget* PlaygroundPage::buildAnswer(int column) {
    auto* card = new Card(column == 0 ? tr("Base model") : tr("With the adapter"));
    Answer& answer = m_answers[column];
    answer.card = card;
    answer.facts = new QLabel;
    answer.facts->setObjectName(QStringLiteral("playFacts%1").arg(column));
    setRole(answer.facts, "small");
    card->addToHeader(answer.facts);
    answer.text = new QPlainTextEdit;
    answer.text->setObjectName(QStringLiteral("playAnswer%1").arg(column));
    answer.text->setAccessibleName(column == 0 ? tr("Answer of the base model") : tr("Answer with the adapter"));
    answer.text->setReadOnly(true);
    answer.text->setPlaceholderText(column == 0 ? tr("The base model's words appear here as they come.")
                                                : tr("Choose a finished training above, and its words appear here."));
    card->body()->addWidget(answer.text, 1);
    return card;
}

void PlaygroundPage::listAdapters() {
    const QVariant chosen = m_adapter->currentData();
    const bool first = m_adapter->count() == 0;
    const QSignalBlocker quiet(m_adapter);
    m_adapter->clear();
    m_adapter->addItem(tr("Nothing: the base model alone"), QVariant());
    try {
        for (const RunSummary& run : m_backend.runs().list())
            if (run.kind == RunKind::Train && run.state == RunState::Done)
                m_adapter->addItem(runTitle(run), QVariant(static_cast<qlonglong>(run.id)));
    } catch (const Error& error) {
        m_problem->setText(problemText(error));
        m_problem->show();
    }
    const int again = chosen.isValid() ? m_adapter->findData(chosen) : -1;
    // The newest training, unless the person chose otherwise.
    m_adapter->setCurrentIndex(again >= 0 ? again : (first || !chosen.isValid()) && m_adapter->count() > 1 ? 1 : 0);
}

void PlaygroundPage::useRun(RunId run) {
    listAdapters();
    const int index = m_adapter->findData(QVariant(static_cast<qlonglong>(run)));
    if (index >= 0) m_adapter->setCurrentIndex(index);
    if (m_prompt->toPlainText().isEmpty() && m_insert->isEnabled()) insertRow();
    m_prompt->setFocus();
}

void PlaygroundPage::insertRow() {
    const auto& dataset = m_document.dataset();
    if (!dataset || dataset->examples.empty()) return;
    try {
        const PromptTemplate questions(m_document.experiment().prompt, dataset->labels);
        const Example& example = dataset->examples[m_nextRow % dataset->examples.size()];
        // A stride that is prime visits rows of every label, however the file is sorted.
        m_nextRow += 997;
        m_prompt->setPlainText(fromText(questions.question(example.text)));
        m_prompt->moveCursor(QTextCursor::End);
    } catch (const Error& error) {
        m_problem->setText(problemText(error));
        m_problem->show();
    }
}

void PlaygroundPage::runOrStop() {
    if (m_open > 0)
        m_backend.stopPrompt();
    else
        start();
}

void PlaygroundPage::start() {
    const QString prompt = m_prompt->toPlainText();
    m_problem->hide();
    if (prompt.isEmpty()) {
        m_problem->setText(tr("There is no prompt yet: write one, or take a row of the data."));
        m_problem->show();
        m_prompt->setFocus();
        return;
    }
    PlaygroundRequest request;
    request.model = fromText(m_document.experiment().model.path);
    request.precision = fromText(m_document.experiment().model.precision);
    request.prompt = prompt;
    request.options.maxNewTokens = m_tokens->value();
    request.options.temperature = m_temperature->value();
    request.options.topK = m_topK->value();
    request.options.topP = m_topP->value();
    request.options.seed = static_cast<std::uint64_t>(m_seed->value());
    if (const QVariant run = m_adapter->currentData(); run.isValid()) {
        try {
            const RunDetail detail = m_backend.runs().detail(run.toLongLong());
            for (const Artifact& artifact : detail.artifacts)
                if (artifact.kind == "adapter") request.adapter = fromPath(artifact.path);
            for (const auto& [key, value] : detail.summary.params) { // an adapter fits the model that it was trained on
                if (key == "model.path") request.model = fromText(value);
                if (key == "model.precision") request.precision = fromText(value);
            }
            if (request.adapter.isEmpty()) throw Error(ErrorCode::NotFound, "This run kept no adapter.", "Choose another one.");
        } catch (const Error& error) {
            m_problem->setText(problemText(error));
            m_problem->show();
            return;
        }
    }
    m_open = request.adapter.isEmpty() ? 1 : 2;
    for (int column = 0; column < 2; ++column) {
        m_answers[column].text->clear();
        m_answers[column].facts->setText(column < m_open ? tr("thinking…") : QString());
    }
    remember(prompt);
    setRunning(true);
    m_token = m_backend.prompt(request);
}

void PlaygroundPage::setRunning(bool running) {
    if (!running) m_open = 0;
    m_run->setText(running ? tr("Stop") : tr("Run"));
    setRole(m_run, running ? "danger" : "primary");
}

void PlaygroundPage::remember(const QString& prompt) {
    for (QAction* action : m_prompts->actions())
        if (action->data().toString() == prompt) m_prompts->removeAction(action);
    QString title = prompt.simplified();
    if (title.size() > 60) title = QStringLiteral("…") + title.right(60); // the end tells prompts of one template apart
    auto* action = new QAction(title.replace(QLatin1Char('&'), QStringLiteral("&&")), m_prompts);
    action->setData(prompt);
    connect(action, &QAction::triggered, this, [this, prompt] { m_prompt->setPlainText(prompt); });
    m_prompts->insertAction(m_prompts->actions().value(0), action);
    while (m_prompts->actions().size() > kRemembered) m_prompts->removeAction(m_prompts->actions().constLast());
    m_history->setEnabled(true);
}

void PlaygroundPage::finished(int column, const QString& text, const QString& facts) {
    Answer& answer = m_answers[column];
    if (!text.isEmpty() && answer.text->toPlainText() != text) answer.text->setPlainText(text);
    answer.facts->setText(facts);
    if (--m_open <= 0) setRunning(false);
}

} // namespace ui
