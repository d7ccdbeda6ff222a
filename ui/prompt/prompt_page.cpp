// SPDX-License-Identifier: GPL-3.0-or-later
// Editor at the left, the rendered row at the right.
#include "ui/prompt/prompt_page.h"

#include "engine/prompt/template.h"
#include "ui/card.h"
#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/prompt/presets.h"
#include "ui/prompt/rendered_prompt.h"
#include "ui/prompt/spelling_model.h"
#include "ui/prompt/template_highlighter.h"
#include "ui/theme/icons.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTableView>
#include <QTextCursor>

#include <algorithm>

namespace ui {

using namespace engine;

namespace {

constexpr int kRowHeight = 30;

QString legend() {
    const auto mark = [](PromptPart part, const QString& text) {
        const QTextCharFormat format = promptFormat(part);
        return QStringLiteral("<span style=\"color:%1\">■</span>&nbsp;%2").arg(format.foreground().color().name(), text);
    };
    return mark(PromptPart::Question, PromptPage::tr("question, the same for every row")) +
           QStringLiteral("&nbsp;&nbsp;&nbsp;&nbsp;&nbsp; ") + mark(PromptPart::Text, PromptPage::tr("the row's text")) +
           QStringLiteral("&nbsp;&nbsp;&nbsp;&nbsp;&nbsp; ") + mark(PromptPart::Answer, PromptPage::tr("the answer to learn"));
}

} // namespace

PromptPage::PromptPage(Backend&, Document& document, QWidget* parent)
    : Page(tr("Prompt"), tr("How is the question put to the model?"), parent), m_document(document) {
    auto* next = primaryAction(tr("Next: train"));
    connect(next, &QPushButton::clicked, this, &PromptPage::nextRequested);
    auto* row = new QHBoxLayout;
    row->setSpacing(2 * kGrid);
    row->addWidget(buildTemplate(), 1);
    row->addWidget(buildExample(), 1);
    content()->addLayout(row, 1);
    connect(&m_document, &Document::experimentChanged, this, &PromptPage::refresh);
    connect(&m_document, &Document::dataChanged, this, &PromptPage::refresh);
    refresh();
}

PromptPage::~PromptPage() {
    for (QWidget* part : findChildren<QWidget*>()) part->disconnect(this); // one that dies with the focus may still speak
}

QWidget* PromptPage::buildTemplate() {
    auto* left = new QWidget;
    auto* column = new QVBoxLayout(left);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(2 * kGrid);
    auto* card = new Card(tr("Template"));
    for (const Preset& preset : presets({})) {
        auto* button = new QPushButton(preset.name);
        button->setObjectName(QStringLiteral("preset%1").arg(m_presets.size()));
        button->setToolTip(preset.help);
        button->setCheckable(true);
        setRole(button, "quiet");
        const std::size_t i = m_presets.size();
        connect(button, &QPushButton::clicked, this, [this, i] {
            const auto& dataset = m_document.dataset();
            QTextCursor cursor(m_template->document()); // as an edit, so that Ctrl+Z brings the old text back
            cursor.select(QTextCursor::Document);
            cursor.insertText(presets(dataset ? dataset->labels : std::vector<std::string>())[i].text);
            refresh();
        });
        card->addToHeader(button);
        m_presets.push_back(button);
    }
    m_template = new QPlainTextEdit;
    m_template->setObjectName(QStringLiteral("template"));
    m_template->setTabChangesFocus(true);
    m_template->setPlaceholderText(tr("Text: {text}\nLabel: {label}"));
    setRole(m_template, "mono");
    new TemplateHighlighter(m_template->document());
    connect(m_template, &QPlainTextEdit::textChanged, this,
            [this] { m_document.set(QStringLiteral("prompt.template"), m_template->toPlainText()); });
    card->body()->addWidget(m_template, 1);
    m_problem = new QLabel;
    m_problem->setObjectName(QStringLiteral("templateProblem"));
    m_problem->setWordWrap(true);
    m_problem->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    m_problem->setFixedHeight(4 * kGrid + 4); // two lines, whether it says something or not
    card->body()->addWidget(m_problem);
    column->addWidget(card, 1);

    m_spellingCard = new Card(tr("How labels are spelled"));
    m_spellings = new SpellingModel(this);
    m_spellingTable = new QTableView;
    m_spellingTable->setObjectName(QStringLiteral("spellings"));
    m_spellingTable->setModel(m_spellings);
    m_spellingTable->setShowGrid(false);
    m_spellingTable->setSelectionMode(QAbstractItemView::SingleSelection);
    m_spellingTable->setTabKeyNavigation(false);
    m_spellingTable->setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed |
                                     QAbstractItemView::AnyKeyPressed | QAbstractItemView::SelectedClicked);
    m_spellingTable->verticalHeader()->hide();
    m_spellingTable->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed);
    m_spellingTable->verticalHeader()->setDefaultSectionSize(kRowHeight);
    m_spellingTable->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    m_spellingTable->horizontalHeader()->setHighlightSections(false);
    connect(m_spellings, &SpellingModel::edited, this, [this] {
        Experiment changed = m_document.experiment();
        changed.prompt.labels = m_spellings->spellings();
        m_document.setExperiment(changed);
    });
    m_spellingCard->body()->addWidget(m_spellingTable);
    column->addWidget(m_spellingCard);
    return left;
}

QWidget* PromptPage::buildExample() {
    m_example = new Card(tr("As the model reads it"));
    m_stepper = new QWidget;
    auto* row = new QHBoxLayout(m_stepper);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(4);
    const auto arrow = [this](const char* name, const char* picture, const QString& tip, int by) {
        auto* button = new QPushButton(icon(QLatin1String(picture)), {});
        button->setObjectName(QLatin1String(name));
        button->setToolTip(tip);
        button->setAccessibleName(tip);
        button->setFixedWidth(4 * kGrid);
        setRole(button, "quiet");
        connect(button, &QPushButton::clicked, this, [this, by] { step(by); });
        return button;
    };
    m_back = arrow("previousRow", "chevron-left", tr("The row before"), -1);
    m_forward = arrow("nextRow", "chevron-right", tr("The row after"), 1);
    auto* word = new QLabel(tr("row"));
    setRole(word, "muted");
    m_row = new QSpinBox;
    m_row->setObjectName(QStringLiteral("rowNumber"));
    m_row->setGroupSeparatorShown(true);
    m_row->setLocale(QLocale(QLocale::English, QLocale::UnitedStates));
    m_row->setAlignment(Qt::AlignRight);
    m_row->setFixedWidth(9 * kGrid);
    m_row->setAccessibleName(tr("Row"));
    connect(m_row, &QSpinBox::valueChanged, this, &PromptPage::showRow);
    m_of = new QLabel;
    m_of->setObjectName(QStringLiteral("rowCount"));
    setRole(m_of, "muted");
    row->addWidget(m_back);
    row->addWidget(word);
    row->addWidget(m_row);
    row->addWidget(m_of);
    row->addWidget(m_forward);
    m_example->addToHeader(m_stepper);

    m_rendered = new RenderedPrompt;
    m_rendered->setObjectName(QStringLiteral("rendered"));
    m_example->body()->addWidget(m_rendered, 1);
    m_noData = new QLabel(tr("Once there is data, one of its rows stands here, put into the template."));
    m_noData->setWordWrap(true);
    m_noData->setAlignment(Qt::AlignCenter);
    setRole(m_noData, "muted");
    m_openData = new QPushButton(tr("Open data"));
    m_openData->setObjectName(QStringLiteral("openData"));
    connect(m_openData, &QPushButton::clicked, this, &PromptPage::dataRequested);
    m_example->body()->addStretch(0);
    m_example->body()->addWidget(m_noData);
    m_example->body()->addWidget(m_openData, 0, Qt::AlignHCenter);
    m_example->body()->addStretch(0);
    auto* colours = new QLabel;
    setRole(colours, "small");
    colours->setText(legend());
    colours->setFixedHeight(4 * kGrid + 4);
    colours->setAlignment(Qt::AlignLeft | Qt::AlignTop);
    connect(&Theme::instance(), &Theme::changed, colours, [colours] { colours->setText(legend()); });
    m_example->body()->addWidget(colours);
    return m_example;
}

void PromptPage::refresh() {
    const Experiment& experiment = m_document.experiment();
    const QString text = fromText(experiment.prompt.text_template);
    if (text != m_template->toPlainText()) m_template->setPlainText(text);
    const auto& dataset = m_document.dataset();
    const auto all = presets(dataset ? dataset->labels : std::vector<std::string>());
    for (std::size_t i = 0; i < all.size(); ++i) m_presets[i]->setChecked(all[i].text == text);
    m_spellings->show(dataset ? dataset->labels : std::vector<std::string>(), experiment.prompt.labels);
    m_spellingCard->setVisible(m_spellings->rowCount() > 0);
    m_spellingTable->setFixedHeight(std::min(m_spellings->rowCount(), 6) * kRowHeight + 34);
    const bool filled = dataset && !dataset->examples.empty();
    m_stepper->setVisible(filled);
    m_rendered->setVisible(filled);
    m_noData->setVisible(!filled);
    m_openData->setVisible(!filled);
    if (filled) {
        const QSignalBlocker quiet(m_row);
        m_row->setRange(1, int(dataset->examples.size()));
        m_of->setText(tr("of %1").arg(count(std::int64_t(dataset->examples.size()))));
    }
    showProblem();
    showRow();
}

void PromptPage::showProblem() {
    QString problem;
    for (const Issue& issue : m_document.issues())
        if (issue.path.starts_with("prompt") && problem.isEmpty())
            problem =
                issue.path == "prompt.template" ? tr("The template %1").arg(fromText(issue.message)) : fromText(issue.message);
    const QStringList unknown = TemplateHighlighter::unknown(m_template->toPlainText());
    const char* role = "small";
    if (!problem.isEmpty()) {
        role = "error";
    } else if (!unknown.isEmpty()) {
        role = "warning";
        problem = tr("Only {text} and {label} are filled in; %1 is sent as it stands.").arg(unknown.join(tr(" and ")));
    } else {
        problem = tr("{text} is the row's text. {label}, at the very end, is the answer; all before it is the question.");
    }
    m_problem->setText(problem);
    setRole(m_problem, role);
    const bool wrong = qstrcmp(role, "error") == 0;
    if (m_template->property("invalid").toBool() != wrong) {
        m_template->setProperty("invalid", wrong);
        setRole(m_template, "mono"); // the style sheet looks again
    }
}

void PromptPage::showRow() {
    const auto& dataset = m_document.dataset();
    if (!dataset || dataset->examples.empty()) return;
    const int row = std::clamp(m_row->value(), 1, int(dataset->examples.size())) - 1;
    m_back->setEnabled(row > 0);
    m_forward->setEnabled(row + 1 < int(dataset->examples.size()));
    const Example& example = dataset->examples[std::size_t(row)];
    try {
        const PromptTemplate promptTemplate(m_document.experiment().prompt, dataset->labels);
        const Prompt prompt = engine::render(example, promptTemplate);
        const std::string& before = promptTemplate.prefix();
        m_rendered->setParts(
            fromText(before), fromText(example.text),
            fromText(prompt.question.substr(std::min(prompt.question.size(), before.size() + example.text.size()))),
            fromText(prompt.answer));
    } catch (const Error&) {
        m_rendered->setParts({}, {}, {}, {}); // the line under the template says why
    }
}

void PromptPage::step(int by) {
    m_row->setValue(m_row->value() + by);
}

} // namespace ui
