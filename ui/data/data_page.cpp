// SPDX-License-Identifier: GPL-3.0-or-later
// What you choose at the left, the rows at the right.
#include "ui/data/data_page.h"

#include "engine/data/default_data.h"
#include "ui/card.h"
#include "ui/data/drop_target.h"
#include "ui/data/issue_model.h"
#include "ui/data/label_bars.h"
#include "ui/data/length_bars.h"
#include "ui/data/table_model.h"
#include "ui/elided_label.h"
#include "ui/engine_text.h"
#include "ui/facts.h"
#include "ui/figures.h"
#include "ui/theme/icons.h"

#include <QComboBox>
#include <QFileInfo>
#include <QGridLayout>
#include <QHeaderView>
#include <QPushButton>
#include <QStackedLayout>
#include <QTableView>

#include <algorithm>
#include <set>

namespace ui {

using namespace engine;

namespace {

constexpr int kRowHeight = 30, kIssuesHeight = 19 * kGrid;

QTableView* tableView(const QString& name) {
    auto* view = new QTableView;
    view->setObjectName(name);
    view->setShowGrid(false);
    view->setWordWrap(false);
    view->setTextElideMode(Qt::ElideRight);
    view->setSelectionBehavior(QAbstractItemView::SelectRows);
    view->setSelectionMode(QAbstractItemView::SingleSelection);
    view->setEditTriggers(QAbstractItemView::NoEditTriggers);
    view->setHorizontalScrollMode(QAbstractItemView::ScrollPerPixel);
    view->setTabKeyNavigation(false);
    view->setCornerButtonEnabled(false);
    view->verticalHeader()->setSectionResizeMode(QHeaderView::Fixed); // a million rows are never measured
    view->verticalHeader()->setDefaultSectionSize(kRowHeight);
    view->horizontalHeader()->setHighlightSections(false);
    return view;
}

QString shown(const TableFact& fact) {
    return fromText(fact.shown.empty() ? fact.value : fact.shown);
}

} // namespace

DataPage::DataPage(Backend&, Document& document, QWidget* parent)
    : Page(tr("Data"), tr("Which text should the model read, and which label should it give?"), parent), m_document(document) {
    auto* next = primaryAction(tr("Next: the prompt"));
    connect(next, &QPushButton::clicked, this, &DataPage::nextRequested);

    m_stack = new QStackedLayout;
    content()->addLayout(m_stack, 1);
    auto* blank = new QWidget;
    auto* blankLayout = new QVBoxLayout(blank);
    m_drop = new DropTarget;
    blankLayout->addStretch(2);
    blankLayout->addWidget(m_drop, 0, Qt::AlignHCenter);
    blankLayout->addStretch(3);
    m_stack->addWidget(blank);
    connect(m_drop, &DropTarget::openRequested, this, &DataPage::openRequested);
    connect(m_drop, &DropTarget::sampleRequested, this, [this] { Q_EMIT fileRequested(fromPath(defaultDataFile())); });
    connect(m_drop, &DropTarget::dropped, this, &DataPage::fileRequested);

    auto* filled = new QWidget;
    auto* row = new QHBoxLayout(filled);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(6);
    row->addWidget(buildSettings());
    row->addWidget(buildTable(), 1);
    m_stack->addWidget(filled);

    connect(&m_document, &Document::dataChanged, this, &DataPage::refresh);
    connect(&m_document, &Document::experimentChanged, this, &DataPage::refresh);
    connect(&m_document, &Document::openFailed, this, [this](const QString& message, const QString& hint) {
        m_drop->setProblem(hint.isEmpty() ? message : message + QLatin1Char(' ') + hint);
    });
    refresh();
}

QWidget* DataPage::buildSettings() {
    auto* scroll = new ScrollColumn;
    auto* columns = new Card(tr("Columns"));
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(kGrid);
    grid->setVerticalSpacing(6);
    grid->setColumnStretch(1, 1);
    const auto add = [&](QComboBox*& box, const char* name, const QString& title, const char* key, const QString& tip) {
        box = new QComboBox;
        box->setObjectName(QLatin1String(name));
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(8);
        box->setToolTip(tip);
        auto* label = new QLabel(title);
        setRole(label, "muted");
        label->setBuddy(box);
        label->setFixedWidth(88);
        grid->addWidget(label, grid->rowCount(), 0);
        grid->addWidget(box, grid->rowCount() - 1, 1);
        connect(box, &QComboBox::activated, this, [this, key, box] { choose(key, box); });
    };
    add(m_label, "labelColumn", tr("Label"), "data.label", tr("The column with the right answer."));
    add(m_text, "textColumn", tr("Text"), "data.text", tr("The column that the model reads."));
    add(m_header, "headerChoice", tr("First line"), "data.header", tr("Whether the first line names the columns."));
    add(m_encoding, "encodingChoice", tr("Encoding"), "data.encoding", tr("How the file's bytes spell its letters."));
    add(m_delimiter, "delimiterChoice", tr("Delimiter"), "data.delimiter", tr("What stands between two columns."));
    columns->body()->addLayout(grid);
    m_problem = new QLabel;
    m_problem->setObjectName(QStringLiteral("dataProblem"));
    m_problem->setWordWrap(true);
    setRole(m_problem, "error");
    columns->body()->addWidget(m_problem);
    scroll->column()->addWidget(columns);

    m_labelsCard = new Card(tr("Labels"));
    m_labels = new LabelBars;
    m_labels->setObjectName(QStringLiteral("labelBars"));
    m_labelsCard->body()->addWidget(m_labels);
    m_few = new QLabel;
    m_few->setObjectName(QStringLiteral("tooFew"));
    m_few->setWordWrap(true);
    setRole(m_few, "small");
    m_labelsCard->body()->addWidget(m_few);
    scroll->column()->addWidget(m_labelsCard);

    m_lengthsCard = new Card(tr("Length of the texts"));
    m_lengths = new LengthBars;
    m_lengthsCard->body()->addWidget(m_lengths);
    scroll->column()->addWidget(m_lengthsCard);
    scroll->column()->addStretch(1);
    return scroll;
}

QWidget* DataPage::buildTable() {
    auto* right = new QWidget;
    auto* column = new QVBoxLayout(right);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(2 * kGrid);
    m_facts = new Facts;
    column->addWidget(m_facts);

    auto* card = new Card;
    m_fileCard = card;
    m_file = new ElidedLabel({}, Qt::ElideMiddle);
    m_file->setObjectName(QStringLiteral("fileFolder"));
    setRole(m_file, "small");
    card->addToHeader(m_file, 1000);
    auto* other = new QPushButton(icon(QStringLiteral("open")), tr("Open another…"));
    other->setObjectName(QStringLiteral("openAnother"));
    setRole(other, "quiet");
    connect(other, &QPushButton::clicked, this, &DataPage::openRequested);
    card->addToHeader(other);
    m_rows = new TableModel(this);
    m_table = tableView(QStringLiteral("preview"));
    m_table->setModel(m_rows);
    m_table->horizontalHeader()->setStretchLastSection(true);
    m_table->horizontalHeader()->setMinimumSectionSize(7 * kGrid);
    card->body()->addWidget(m_table, 1);
    column->addWidget(card, 1);

    m_issuesCard = new Card(tr("Worth a look"));
    m_issues = new IssueModel(this);
    m_issueTable = tableView(QStringLiteral("issues"));
    m_issueTable->setModel(m_issues);
    m_issueTable->horizontalHeader()->hide();
    m_issueTable->verticalHeader()->hide();
    m_issueTable->verticalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents); // a few rows, whole sentences
    m_issueTable->setWordWrap(true);
    m_issueTable->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    connect(m_issueTable->horizontalHeader(), &QHeaderView::sectionResized, this, &DataPage::fitIssues);
    m_issueTable->horizontalHeader()->setSectionResizeMode(IssueModel::Where, QHeaderView::Fixed);
    m_issueTable->horizontalHeader()->setSectionResizeMode(IssueModel::What, QHeaderView::Stretch);
    m_issueTable->horizontalHeader()->setSectionResizeMode(IssueModel::Count, QHeaderView::Fixed);
    m_issueTable->setColumnWidth(IssueModel::Where, 14 * kGrid);
    m_issueTable->setColumnWidth(IssueModel::Count, 9 * kGrid);
    connect(m_issueTable, &QTableView::clicked, this,
            [this](const QModelIndex& index) { showLine(m_issues->lineOf(index.row())); });
    m_issuesCard->body()->addWidget(m_issueTable);
    column->addWidget(m_issuesCard);
    return right;
}

void DataPage::refresh() {
    const auto table = m_document.table();
    primaryAction(tr("Next: the prompt"))->setVisible(table != nullptr);
    if (!table) {
        m_shown.reset();
        m_rows->setTable(nullptr);
        m_drop->setReading(m_document.isLoading() ? QFileInfo(fromPath(dataPath(m_document.experiment()))).fileName()
                                                  : QString());
        if (!m_document.isLoading() && !m_document.dataProblem().isEmpty()) m_drop->setProblem(m_document.dataProblem());
        m_stack->setCurrentIndex(0);
        return;
    }
    if (table != m_shown) {
        m_shown = table;
        showTable(*table);
    }
    showDataset();
    m_stack->setCurrentIndex(1);
}

void DataPage::showTable(const Table& table) {
    m_rows->setTable(m_shown);
    const int columns = m_rows->columnCount();
    for (int i = 0; i + 1 < columns; ++i)
        m_table->setColumnWidth(i, std::clamp(static_cast<QAbstractItemView*>(m_table)->sizeHintForColumn(i) + 2 * kGrid,
                                              12 * kGrid, columns > 2 ? 40 * kGrid : 24 * kGrid));
    const int digits = int(count(m_rows->lastLine()).size());
    m_table->verticalHeader()->setFixedWidth(
        std::max(5 * kGrid, m_table->fontMetrics().horizontalAdvance(QLatin1Char('0')) * digits + 2 * kGrid));
    const QFileInfo file(fromPath(table.path));
    m_fileCard->setTitle(file.fileName());
    m_file->setFullText(file.absolutePath());
    m_facts->clear();
    m_facts->add(QStringLiteral("records"), tr("Records"));
    m_facts->add(QStringLiteral("usable"), tr("Usable rows"));
    m_facts->set(QStringLiteral("records"), count(table.recordCount));
    for (const TableFact& fact : table.facts) {
        m_facts->add(fromText(fact.key), fromText(fact.title));
        m_facts->set(fromText(fact.key), shown(fact));
    }
    m_facts->add(QStringLiteral("header"), tr("Header"));
    m_facts->set(QStringLiteral("header"), table.hasHeader ? tr("first line") : tr("none"));
}

void DataPage::showDataset() {
    const Table& table = *m_shown;
    const auto found = [&](const char* key, const std::string& chosen) {
        const auto fact = std::find_if(table.facts.begin(), table.facts.end(), [&](const TableFact& f) { return f.key == key; });
        return chosen != "auto" || fact == table.facts.end() ? tr("Auto") : tr("Auto: %1").arg(shown(*fact));
    };
    const Experiment& experiment = m_document.experiment();
    const auto& dataset = m_document.dataset();

    QStringList names{tr("Auto")}, values{QStringLiteral("auto")};
    const bool unique = std::set<std::string>(table.header.begin(), table.header.end()).size() == table.header.size();
    for (std::size_t i = 0; i < table.header.size(); ++i) {
        names << fromText(table.header[i]);
        values << (table.hasHeader && unique ? names.back() : QString::number(i)); // without names of their own, by number
    }
    const auto automatic = [&](int column) {
        return column < 0 ? tr("Auto") : tr("Auto: %1").arg(fromText(table.header[std::size_t(column)]));
    };
    names[0] = automatic(dataset && experiment.data.label == "auto" ? dataset->labelColumn : -1);
    fill(m_label, names, values, experiment.data.label);
    names[0] = automatic(dataset && experiment.data.text == "auto" ? dataset->textColumn : -1);
    fill(m_text, names, values, experiment.data.text);
    fill(m_header,
         {tr("Auto: %1").arg(table.hasHeader ? tr("names") : tr("a row")), tr("Column names"), tr("A row like the others")},
         {QStringLiteral("auto"), QStringLiteral("true"), QStringLiteral("false")}, experiment.data.header);
    fill(m_encoding,
         {found("encoding", experiment.data.encoding), QStringLiteral("UTF-8"), QStringLiteral("windows-1252"),
          QStringLiteral("ISO-8859-1"), QStringLiteral("UTF-16")},
         {QStringLiteral("auto"), QStringLiteral("UTF-8"), QStringLiteral("windows-1252"), QStringLiteral("ISO-8859-1"),
          QStringLiteral("UTF-16")},
         experiment.data.encoding);
    fill(m_delimiter,
         {found("delimiter", experiment.data.delimiter), tr("comma"), tr("semicolon"), tr("tab"), QStringLiteral("|")},
         {QStringLiteral("auto"), QStringLiteral(","), QStringLiteral(";"), QStringLiteral("tab"), QStringLiteral("|")},
         experiment.data.delimiter);

    m_problem->setText(m_document.dataProblem());
    m_problem->setVisible(!m_document.dataProblem().isEmpty());
    m_labelsCard->setVisible(dataset.has_value());
    m_lengthsCard->setVisible(dataset.has_value());
    m_rows->setRoles(dataset ? dataset->labelColumn : -1, dataset ? dataset->textColumn : -1);
    m_facts->set(QStringLiteral("usable"), dataset ? count(std::int64_t(dataset->examples.size())) : QString());
    auto issues = table.issues;
    if (dataset) {
        m_labels->setCounts(dataset->labels, dataset->counts);
        const std::int64_t needed = experiment.data.split.train_per_label + experiment.data.split.test_per_label;
        m_labels->setNeeded(needed);
        const bool few =
            std::any_of(dataset->counts.begin(), dataset->counts.end(), [needed](std::int64_t n) { return n < needed; });
        m_few->setText(
            tr("In red: fewer than the %1 rows that the split takes of each label. The Train page fits it to the data.")
                .arg(count(needed)));
        m_few->setVisible(few);
        m_labelsCard->setDetail(plural(std::int64_t(dataset->labels.size()), tr("label"), tr("labels")));
        m_lengths->setTexts(dataset->examples);
        m_lengthsCard->setDetail(tr("median %1, longest %2").arg(count(m_lengths->median()), count(m_lengths->longest())));
        issues.insert(issues.end(), dataset->issues.begin(), dataset->issues.end());
    }
    m_issues->setIssues(issues);
    m_issuesCard->setVisible(!issues.empty());
    m_issuesCard->setDetail(plural(m_issues->total(), tr("note"), tr("notes")));
    fitIssues();
}

void DataPage::fitIssues() {
    int height = 0;
    for (int i = 0; i < m_issues->rowCount(); ++i) height += m_issueTable->rowHeight(i);
    m_issueTable->setFixedHeight(std::min(height + 2, kIssuesHeight));
}

void DataPage::fill(QComboBox* box, const QStringList& names, const QStringList& values, const std::string& current) {
    const QSignalBlocker quiet(box);
    box->clear();
    for (int i = 0; i < names.size(); ++i) box->addItem(names[i], values[i]);
    const int at = box->findData(fromText(current));
    if (at < 0) box->addItem(fromText(current), fromText(current)); // written by hand in the YAML
    box->setCurrentIndex(at < 0 ? box->count() - 1 : at);
}

void DataPage::choose(const char* key, QComboBox* box) {
    QString problem;
    if (m_document.set(QLatin1String(key), box->currentData().toString(), &problem)) return;
    m_problem->setText(problem);
    m_problem->show();
}

void DataPage::showLine(std::int64_t line) {
    const int row = m_rows->rowOfLine(line);
    if (row < 0) return;
    m_table->selectRow(row);
    m_table->scrollTo(m_rows->index(row, 0), QAbstractItemView::PositionAtCenter);
}

} // namespace ui
