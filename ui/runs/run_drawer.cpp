// SPDX-License-Identifier: GPL-3.0-or-later
// Long lists are one rich text each: a run has fifty settings, and a label a setting would be slow and no better to read.
#include "ui/runs/run_drawer.h"

#include "engine/experiment.h"
#include "ui/elided_label.h"
#include "ui/engine_text.h"
#include "ui/figures.h"
#include "ui/flow_layout.h"
#include "ui/measure_text.h"
#include "ui/plots/swatch.h"
#include "ui/run_words.h"
#include "ui/theme/icons.h"

#include <QDesktopServices>
#include <QFocusEvent>
#include <QLineEdit>
#include <QMenu>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QTimer>
#include <QToolButton>
#include <QUrl>
#include <QVBoxLayout>

namespace ui {
namespace {

constexpr int kNoteMs = 900;

QString row(const QString& name, const QString& value, const QString& muted) {
    return QStringLiteral("<tr><td style='color:%1; padding:3px 12px 3px 0'>%2</td><td style='padding:3px 0'>%3</td></tr>")
        .arg(muted, name.toHtmlEscaped(), value);
}

QString plainRow(const QString& name, const QString& value, const QString& muted) {
    return row(name, value.toHtmlEscaped().replace(QLatin1Char('\n'), QStringLiteral("<br>")), muted);
}

QString titleOf(const std::string& key) {
    try {
        return fromText(engine::experimentField(key).title);
    } catch (const engine::Error&) { // a setting of another version
        return fromText(key);
    }
}

QLabel* heading(const QString& text) {
    auto* label = new QLabel(text);
    setRole(label, "heading");
    label->setContentsMargins(0, kGrid, 0, 0);
    return label;
}

QLabel* richLabel(const QString& name) {
    auto* label = new QLabel;
    label->setObjectName(name);
    label->setTextFormat(Qt::RichText);
    label->setWordWrap(true);
    label->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::LinksAccessibleByMouse);
    return label;
}

} // namespace

RunDrawer::RunDrawer(Backend& backend, QWidget* parent) : QFrame(parent), m_backend(backend) {
    setRole(this, "card");
    setFixedWidth(kWidth);
    build();
    connect(&Theme::instance(), &Theme::changed, this, &RunDrawer::restyle);
    show({});
}

void RunDrawer::build() {
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(1, 1, 1, 1);
    m_single = new QWidget;
    auto* column = new QVBoxLayout(m_single);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* top = new QVBoxLayout;
    top->setContentsMargins(2 * kGrid, 12, 2 * kGrid, 12);
    top->setSpacing(12);
    auto* title = new QHBoxLayout;
    title->setSpacing(kGrid);
    m_swatch = new QLabel;
    m_name = new ElidedLabel;
    setRole(m_name, "heading");
    title->addWidget(m_swatch);
    title->addWidget(m_name, 1);
    top->addLayout(title);
    auto* actions = new QHBoxLayout;
    actions->setSpacing(kGrid);
    const auto button = [&](const char* name, const QString& text, const char* role) {
        auto* made = new QPushButton(text);
        made->setObjectName(QLatin1String(name));
        if (role) setRole(made, role);
        actions->addWidget(made);
        return made;
    };
    m_open = button("openExperiment", tr("Open"), nullptr);
    m_open->setToolTip(tr("Its experiment becomes the one being edited"));
    m_resume = button("resume", tr("Resume"), nullptr);
    m_export = button("export", tr("Export  "), nullptr);
    actions->addStretch(1);
    m_delete = button("delete", {}, "quiet");
    m_delete->setIcon(icon(QStringLiteral("trash")));
    m_delete->setAccessibleName(tr("Delete"));
    top->addLayout(actions);
    column->addLayout(top);
    auto* line = new QFrame;
    setRole(line, "line");
    column->addWidget(line);

    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* inside = new QWidget;
    setRole(inside, "scrolled");
    inside->setAutoFillBackground(false);
    scroll->viewport()->setAutoFillBackground(false);
    auto* details = new QVBoxLayout(inside);
    details->setContentsMargins(2 * kGrid, kGrid, 2 * kGrid, 2 * kGrid);
    details->setSpacing(kGrid);
    m_facts = richLabel(QStringLiteral("runFacts"));
    details->addWidget(m_facts);
    details->addWidget(heading(tr("Tags")));
    m_tags = new FlowBox(6);
    details->addWidget(m_tags);
    m_newTag = new QLineEdit;
    m_newTag->setObjectName(QStringLiteral("newTag"));
    m_newTag->setPlaceholderText(tr("Add a tag, then Enter"));
    m_newTag->setMaxLength(100);
    details->addWidget(m_newTag);
    details->addWidget(heading(tr("Note")));
    m_note = new QPlainTextEdit;
    m_note->setObjectName(QStringLiteral("note"));
    m_note->setPlaceholderText(tr("What you tried, and what you saw"));
    m_note->setTabChangesFocus(true);
    m_note->setFixedHeight(9 * kGrid);
    m_note->installEventFilter(this);
    details->addWidget(m_note);
    details->addWidget(heading(tr("Settings")));
    m_settings = richLabel(QStringLiteral("runSettings"));
    details->addWidget(m_settings);
    details->addWidget(m_filesTitle = heading(tr("Files")));
    m_files = richLabel(QStringLiteral("runFiles"));
    details->addWidget(m_files);
    details->addStretch(1);
    scroll->setWidget(inside);
    column->addWidget(scroll, 1);
    outer->addWidget(m_single);

    m_other = new QWidget;
    auto* other = new QVBoxLayout(m_other);
    other->setContentsMargins(3 * kGrid, 0, 3 * kGrid, 0);
    other->setSpacing(2 * kGrid);
    m_otherText = new QLabel;
    m_otherText->setObjectName(QStringLiteral("drawerText"));
    m_otherText->setAlignment(Qt::AlignCenter);
    m_otherText->setWordWrap(true);
    setRole(m_otherText, "muted");
    m_deleteMany = new QPushButton;
    m_deleteMany->setObjectName(QStringLiteral("deleteMany"));
    other->addStretch(2);
    other->addWidget(m_otherText);
    other->addWidget(m_deleteMany, 0, Qt::AlignHCenter);
    other->addStretch(3);
    outer->addWidget(m_other);

    m_export->setMenu(buildExports());
    connect(m_open, &QPushButton::clicked, this, [this] { Q_EMIT openRequested(m_runs.front()); });
    connect(m_resume, &QPushButton::clicked, this, [this] { Q_EMIT resumeRequested(m_runs.front()); });
    connect(m_delete, &QPushButton::clicked, this, [this] { Q_EMIT deleteRequested(m_runs); });
    connect(m_deleteMany, &QPushButton::clicked, this, [this] { Q_EMIT deleteRequested(m_runs); });
    connect(m_newTag, &QLineEdit::returnPressed, this, [this] {
        const QString tag = m_newTag->text().trimmed();
        m_newTag->clear();
        if (!tag.isEmpty()) Q_EMIT tagAdded(m_runs.front(), tag);
    });
    m_noteTimer = new QTimer(this);
    m_noteTimer->setSingleShot(true);
    m_noteTimer->setInterval(kNoteMs);
    connect(m_noteTimer, &QTimer::timeout, this, &RunDrawer::flush);
    connect(m_note, &QPlainTextEdit::textChanged, this, [this] { m_noteTimer->start(); });
    connect(m_files, &QLabel::linkActivated, this, [](const QString& link) { QDesktopServices::openUrl(QUrl(link)); });
}

/// An entry a format; one that leaves a choice has a menu of its own.
QMenu* RunDrawer::buildExports() {
    auto* menu = new QMenu(this);
    menu->setToolTipsVisible(true);
    for (const engine::Exporter& exporter : m_backend.exporters()) {
        const QString format = fromText(exporter.key);
        const auto add = [&](QMenu* to, const QString& text, const engine::ExportChoices& choices) {
            return to->addAction(text, this,
                                 [this, format, choices] { Q_EMIT exportRequested(m_runs.front(), format, choices); });
        };
        if (exporter.options.empty()) {
            add(menu, fromText(exporter.title) + QStringLiteral("…"), {})->setObjectName(format);
            continue;
        }
        QMenu* choices = menu->addMenu(fromText(exporter.title));
        choices->menuAction()->setObjectName(format);
        for (const engine::ExportOption& option : exporter.options)
            for (const std::string& value : option.values)
                add(choices, tr("%1 %2…").arg(fromText(option.title), fromText(value)), {{option.key, value}})
                    ->setObjectName(format + QLatin1Char('_') + fromText(value));
    }
    return menu;
}

void RunDrawer::fillExports() {
    for (const engine::Exporter& exporter : m_backend.exporters())
        for (QAction* action : m_export->menu()->actions()) {
            if (action->objectName() != fromText(exporter.key)) continue;
            QString problem;
            try {
                engine::requireExportable(exporter, m_detail);
            } catch (const engine::Error& error) { problem = problemText(error); }
            action->setEnabled(problem.isEmpty());
            action->setToolTip(problem.isEmpty() ? tr("Write %1").arg(fromText(exporter.help)) : problem);
        }
}

bool RunDrawer::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_note && event->type() == QEvent::FocusOut) flush();
    return QFrame::eventFilter(watched, event);
}

void RunDrawer::flush() {
    m_noteTimer->stop();
    if (m_runs.size() != 1) return;
    const QString note = m_note->toPlainText();
    if (note == fromText(m_detail.summary.note)) return;
    m_detail.summary.note = note.toStdString();
    Q_EMIT noteChanged(m_runs.front(), note);
}

void RunDrawer::show(const QList<engine::RunId>& runs) {
    flush();
    m_runs = runs;
    const bool one = runs.size() == 1;
    m_single->setVisible(one);
    m_other->setVisible(!one);
    m_deleteMany->setVisible(runs.size() > 1);
    m_deleteMany->setText(tr("Delete %1 runs").arg(runs.size()));
    m_otherText->setText(runs.isEmpty() ? tr("Select a run to see its settings, files and notes. Select several to compare them.")
                                        : tr("%1 runs are selected. Compare shows them side by side.").arg(runs.size()));
    if (!one) return;
    try {
        fill(m_backend.runs().detail(runs.front()));
    } catch (const engine::Error& error) {
        m_runs.clear();
        m_single->hide();
        m_other->show();
        m_otherText->setText(problemText(error));
    }
}

void RunDrawer::restyle() {
    if (m_runs.size() == 1) fill(m_detail);
}

void RunDrawer::fill(const engine::RunDetail& detail) {
    const bool sameRun = detail.summary.id == m_detail.summary.id;
    m_detail = detail;
    const engine::RunSummary& run = m_detail.summary;
    const QString muted = Theme::instance().color(Token::Muted).name();
    m_swatch->setPixmap(swatchIcon(run.id).pixmap(QSize(kSwatch, kSwatch), devicePixelRatioF()));
    m_name->setFullText(QStringLiteral("%1 · %2").arg(run.id).arg(fromText(run.name)));

    const bool resumable =
        run.kind == engine::RunKind::Train && (run.state == engine::RunState::Stopped || run.state == engine::RunState::Failed ||
                                               run.state == engine::RunState::Interrupted);
    m_resume->setVisible(run.kind == engine::RunKind::Train);
    m_resume->setEnabled(resumable && !m_backend.busy());
    m_resume->setToolTip(!resumable         ? tr("Only a run that was stopped, failed or was interrupted can go on.")
                         : m_backend.busy() ? tr("Another run is under way.")
                                            : tr("Go on from its last checkpoint"));
    m_open->setEnabled(!m_detail.experimentYaml.empty());
    const bool running = run.state == engine::RunState::Running;
    m_delete->setEnabled(!running);
    m_delete->setToolTip(running ? tr("A run that is under way cannot be deleted; stop it first.")
                                 : tr("Delete this run and its files"));
    fillExports();

    QString facts = QStringLiteral("<table cellspacing='0'>");
    facts += plainRow(tr("Kind"), kindWord(run.kind), muted);
    facts += plainRow(tr("State"),
                      run.exitReason.empty() ? stateWord(run.state)
                                             : stateWord(run.state) + QLatin1Char('\n') + fromText(run.exitReason),
                      muted);
    facts += plainRow(tr("Started"), moment(run.started), muted);
    if (runDuration(run) >= 0) facts += plainRow(tr("Duration"), duration(runDuration(run)), muted);
    if (run.steps > 0) facts += plainRow(tr("Steps"), tr("%1 of %2").arg(count(run.step), count(run.steps)), muted);
    for (const engine::Measure& measure : engine::measures())
        if (const auto value = run.measured.of(measure))
            facts += plainRow(titleOf(measure), written(measure.unit, *value), muted);
    m_facts->setText(facts + QStringLiteral("</table>"));

    QString settings = QStringLiteral("<table cellspacing='0'>");
    for (const auto& [key, value] : run.params)
        settings += plainRow(titleOf(key),
                             value.empty() || value == "[]" || value == "{}" ? QStringLiteral("–") : fromText(value), muted);
    m_settings->setText(settings + QStringLiteral("</table>"));

    QString files;
    for (const engine::Artifact& artifact : m_detail.artifacts) {
        const QString path = fromPath(artifact.path);
        files += QStringLiteral("<div>%1 <a style='color:%2' href='%3'>%4</a></div>")
                     .arg(fromText(artifact.kind).toHtmlEscaped(), Theme::instance().color(Token::Accent).name(),
                          QUrl::fromLocalFile(path).toString(), path.toHtmlEscaped());
    }
    m_files->setText(files);
    m_files->setVisible(!files.isEmpty());
    m_filesTitle->setVisible(!files.isEmpty());
    fillTags(run);
    const QString note = fromText(run.note);
    if (!sameRun || (!m_note->hasFocus() && m_note->toPlainText() != note)) m_note->setPlainText(note);
    m_noteTimer->stop();
}

void RunDrawer::fillTags(const engine::RunSummary& run) {
    while (QLayoutItem* item = m_tags->flow()->takeAt(0)) {
        item->widget()->hide();
        item->widget()->deleteLater();
        delete item;
    }
    for (const std::string& name : run.tags) {
        const QString tag = fromText(name);
        auto* chip = new QPushButton(icon(QStringLiteral("close")), fontMetrics().elidedText(tag, Qt::ElideRight, 200));
        chip->setObjectName(QStringLiteral("tag_") + tag);
        chip->setLayoutDirection(Qt::RightToLeft); // the cross stands behind the word
        chip->setIconSize(QSize(12, 12));
        chip->setToolTip(tr("Take the tag “%1” off").arg(tag));
        chip->setAccessibleName(chip->toolTip());
        connect(chip, &QPushButton::clicked, this, [this, tag] { Q_EMIT tagRemoved(m_runs.front(), tag); });
        m_tags->flow()->addWidget(chip);
    }
    m_tags->setVisible(!run.tags.empty());
    m_tags->fit();
}

} // namespace ui
