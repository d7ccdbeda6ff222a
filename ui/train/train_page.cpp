// SPDX-License-Identifier: GPL-3.0-or-later
// Settings at the left; line, figures, plots and log at the right.
#include "ui/train/train_page.h"

#include "ui/card.h"
#include "ui/engine_text.h"
#include "ui/facts.h"
#include "ui/figures.h"
#include "ui/measure_text.h"
#include "ui/plots/loss_plot.h"
#include "ui/plots/matrix_plot.h"
#include "ui/theme/icons.h"
#include "ui/train/experiment_form.h"
#include "ui/train/log_panel.h"
#include "ui/train/model_facts.h"
#include "ui/train/status_line.h"
#include "ui/train/yaml_editor.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QMessageBox>
#include <QPushButton>
#include <QSlider>
#include <QStackedLayout>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <utility>

namespace ui {

using namespace engine;

namespace {

constexpr double kWorthAsking = 60;    // seconds of work before stopping is asked about
constexpr int kYamlWidth = 60 * kGrid; // lines of YAML are longer than a form's

/// The measures that are shown live: those of a matrix.
std::vector<const Measure*> liveMeasures() {
    std::vector<const Measure*> live = briefMeasures();
    std::erase_if(live, [](const Measure* measure) { return !measure->compute; });
    return live;
}

} // namespace

TrainPage::TrainPage(Backend& backend, Document& document, QWidget* parent)
    : Page(tr("Train"), tr("How much better does the model get on your labels?"), parent), m_backend(backend),
      m_document(document), m_watch(backend) {
    m_action = primaryAction(tr("Train"));
    connect(m_action, &QPushButton::clicked, this, [this] { m_watch.isRunning() ? stop() : train(); });
    auto* row = new QHBoxLayout;
    row->setSpacing(2 * kGrid);
    row->addWidget(buildSettings());
    row->addWidget(buildRun(), 1);
    content()->addLayout(row, 1);

    connect(&m_document, &Document::experimentChanged, this, &TrainPage::refresh);
    connect(&m_document, &Document::dataChanged, this, &TrainPage::refresh);
    connect(m_form, &ExperimentForm::problemChanged, this, &TrainPage::refresh);
    connect(m_yaml, &YamlEditor::problemChanged, this, &TrainPage::refresh);
    connect(m_model, &ModelFactsView::problemChanged, this, &TrainPage::refresh);
    connect(&m_watch, &RunWatch::changed, this, &TrainPage::refresh);
    connect(&m_backend, &Backend::jobStarted, this, &TrainPage::begin);
    connect(&m_backend, &Backend::events, this, &TrainPage::take);
    connect(&m_backend, &Backend::jobFinished, this, &TrainPage::finish);
    connect(&m_backend, &Backend::idle, this, &TrainPage::rest);
    connect(&m_backend, &Backend::runsChanged, this, [this] {
        if (m_offer) offerToGoOn(); // somebody else may have gone on with it
    });
    showMetrics();
    refresh();
}

// An editor that dies with the focus says that it is finished: by then nobody must listen.
TrainPage::~TrainPage() {
    for (QObject* part : {static_cast<QObject*>(m_form), static_cast<QObject*>(m_yaml), static_cast<QObject*>(m_model)})
        part->disconnect(this);
}

QWidget* TrainPage::buildSettings() {
    auto* card = new Card(tr("Settings"));
    card->setFixedWidth(ScrollColumn::kWidth);
    const auto toggle = [&](const char* name, const QString& text, const QString& tip) {
        auto* button = new QPushButton(text);
        button->setObjectName(QLatin1String(name));
        button->setCheckable(true);
        button->setToolTip(tip);
        setRole(button, "quiet");
        card->addToHeader(button);
        return button;
    };
    m_all = toggle("allSettings", tr("All settings"), tr("Every setting there is, or the usual ones"));
    m_asYaml = toggle("asYaml", tr("YAML"), tr("The same settings as the text of an experiment file"));
    m_form = new ExperimentForm(m_document);
    m_model = new ModelFactsView(m_backend, m_document);
    m_form->addToGroup(QStringLiteral("model"), m_model);
    auto* scroll = new ScrollColumn(ScrollColumn::kWidth - 4 * kGrid - 2);
    scroll->column()->addWidget(m_form);
    m_yaml = new YamlEditor(m_document);
    m_settings = new QStackedLayout;
    m_settings->addWidget(scroll);
    m_settings->addWidget(m_yaml);
    card->body()->addLayout(m_settings, 1);
    card->layout()->setContentsMargins(2 * kGrid, kGrid, 0, 12); // the scroll bar lies in the margin
    m_asYaml->parentWidget()->layout()->setContentsMargins(0, 0, kGrid, 0);
    m_yaml->layout()->setContentsMargins(0, 0, 2 * kGrid, 0);
    connect(m_all, &QPushButton::toggled, m_form, &ExperimentForm::setAllSettings);
    connect(m_asYaml, &QPushButton::toggled, this, [this, card](bool yaml) {
        m_yaml->flush();
        m_settings->setCurrentIndex(yaml ? 1 : 0);
        m_all->setEnabled(!yaml);
        card->setFixedWidth(yaml ? kYamlWidth : ScrollColumn::kWidth);
    });
    return card;
}

QWidget* TrainPage::buildRun() {
    auto* right = new QWidget;
    auto* column = new QVBoxLayout(right);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(12);

    m_line = new StatusLine;
    column->addWidget(m_line);

    m_metrics = new Facts;
    for (const Measure* measure : liveMeasures())
        m_metrics->add(fromText(measure->key), tr("%1, test rows").arg(titleOf(*measure)), true, 5);
    m_metrics->add(QStringLiteral("loss"), tr("Loss, last step"), true, 4);
    m_metrics->add(QStringLiteral("eval"), tr("Loss, unseen rows"), true, 4);
    column->addWidget(m_metrics);

    auto* plots = new QHBoxLayout;
    plots->setSpacing(2 * kGrid);
    auto* lossCard = new Card(tr("Loss"));
    m_loss = new LossPlot;
    m_loss->setObjectName(QStringLiteral("lossPlot"));
    m_loss->setEmptyText(tr("The loss of every step will be drawn here."));
    auto* smooth = new QSlider(Qt::Horizontal);
    smooth->setObjectName(QStringLiteral("smoothing"));
    smooth->setRange(0, 99);
    smooth->setFixedWidth(8 * kGrid);
    smooth->setAccessibleName(tr("Smoothing"));
    smooth->setToolTip(tr("Smoothing of the drawn curve; the raw one stays faint behind it"));
    connect(smooth, &QSlider::valueChanged, this, [this](int value) { m_loss->setSmoothing(value / 100.0); });
    smooth->setValue(int(std::lround(m_loss->smoothing() * 100)));
    auto* smoothName = new QLabel(tr("smooth"));
    setRole(smoothName, "small");
    auto* log = new QPushButton(tr("Log"));
    log->setToolTip(tr("Logarithmic scale of the loss"));
    log->setAccessibleName(tr("Logarithmic scale"));
    log->setCheckable(true);
    log->setObjectName(QStringLiteral("logScale"));
    setRole(log, "quiet");
    connect(log, &QPushButton::toggled, this, [this](bool on) { m_loss->setLogScale(on); });
    lossCard->addToHeader(smoothName);
    lossCard->addToHeader(smooth);
    lossCard->addToHeader(log);
    lossCard->body()->addWidget(m_loss, 1);
    plots->addWidget(lossCard, 11);

    auto* matrixCard = new Card(tr("Confusion matrix"));
    const auto side = [&](const char* name, const QString& text, bool tuned) {
        auto* button = new QPushButton(text);
        button->setObjectName(QLatin1String(name));
        button->setCheckable(true);
        button->setEnabled(false);
        setRole(button, "quiet");
        connect(button, &QPushButton::clicked, this, [this, tuned] { showMatrix(tuned); });
        matrixCard->addToHeader(button);
        return button;
    };
    m_base = side("showBase", tr("Base"), false);
    m_tuned = side("showTuned", tr("Tuned"), true);
    m_matrix = new MatrixPlot;
    m_matrix->setObjectName(QStringLiteral("matrixPlot"));
    m_matrix->setEmptyText(
        tr("What was guessed for each label will be counted here, first by the base model, then by the tuned one."));
    matrixCard->body()->addWidget(m_matrix, 1);
    plots->addWidget(matrixCard, 10);
    column->addLayout(plots, 1);

    m_log = new LogPanel;
    column->addWidget(m_log);
    return right;
}

void TrainPage::train() {
    m_yaml->flush();
    if (m_watch.isRunning() || !obstacle().isEmpty()) return;
    m_result = {};
    if (m_backend.startTraining(m_document.experiment()))
        refresh();
    else
        say(tr("A run is under way already; it must end first."), Severity::Error);
}

void TrainPage::flush() {
    m_yaml->flush();
}

void TrainPage::stop() {
    if (!m_watch.isRunning() || m_watch.isStopping()) return;
    if (m_watch.secondsRunning() > kWorthAsking && !mayStop()) return;
    m_watch.stop();
}

bool TrainPage::mayStop() {
    QMessageBox box(QMessageBox::Question, tr("Phibench"),
                    tr("Stop run %1 after %2?").arg(m_watch.run().value_or(0)).arg(duration(m_watch.secondsRunning())),
                    QMessageBox::NoButton, this);
    box.setObjectName(QStringLiteral("stopRun"));
    box.setInformativeText(m_watch.kind() == RunKind::Train ? tr("A checkpoint is kept; it can go on from there.")
                                                            : tr("An evaluation begins anew the next time."));
    QPushButton* stop = box.addButton(tr("Stop"), QMessageBox::AcceptRole);
    QPushButton* stay = box.addButton(tr("Go on"), QMessageBox::RejectRole);
    box.setDefaultButton(stay);
    box.setEscapeButton(stay);
    box.exec();
    return box.clickedButton() == stop;
}

void TrainPage::offerToGoOn() {
    m_offer.reset();
    try {
        for (const RunSummary& run : m_backend.runs().list()) { // newest first
            if (run.kind != RunKind::Train) continue;
            const bool left = run.state == RunState::Stopped || run.state == RunState::Interrupted;
            if (left && run.step > 0)
                m_offer = {tr("Run %1, %2, stopped at step %3 of %4.")
                               .arg(run.id)
                               .arg(fromText(run.name), count(run.step), count(run.steps)),
                           tr("Go on"), [this, id = run.id] {
                               m_backend.resume(id);
                               refresh();
                           }};
            break; // only the newest is worth coming back to
        }
    } catch (const Error&) { // the runs page says what is wrong with the file
    }
    refresh();
}

QString TrainPage::obstacle() const {
    return const_cast<TrainPage*>(this)->blocked().text;
}

TrainPage::Block TrainPage::blocked() {
    if (!m_yaml->problem().isEmpty())
        return {tr("The YAML cannot be read: %1").arg(m_yaml->problem()), tr("Show"), [this] { m_asYaml->setChecked(true); }};
    if (!m_form->problem().isEmpty()) return {m_form->problem(), {}, {}};
    const auto issues = m_document.issues();
    if (!issues.empty()) {
        const Issue& issue = issues.front();
        const QString path = fromText(issue.path);
        QString text = fromText(issue.message);
        if (issue.path == "data.csv")
            return {text, m_document.isLoading() ? QString() : tr("Open data"), [this] { Q_EMIT dataRequested(); }};
        if (issue.path == "data.split") return {text, tr("Fit to the data"), [this] { fitSplit(); }};
        if (issue.path.starts_with("prompt"))
            return {issue.path == "prompt.template" ? tr("The template %1").arg(text) : text, tr("Open prompt"),
                    [this] { Q_EMIT promptRequested(); }};
        if (!text.contains(path)) text = path + QStringLiteral(": ") + text;
        return {text, tr("Show"), [this, path] {
                    m_asYaml->setChecked(false);
                    m_form->reveal(path);
                    m_all->setChecked(m_form->showsAll());
                }};
    }
    if (!m_model->problem().isEmpty()) return {m_model->problem(), {}, {}};
    return {};
}

void TrainPage::say(const QString& text, Severity severity) {
    m_log->add(text, severity);
    m_result = {text, {}, {}};
    m_resultRole = severity == Severity::Error ? "error" : severity == Severity::Warning ? "warning" : "good";
    m_askedSettings = toYaml(m_document.experiment());
    refresh();
}

void TrainPage::refresh() {
    const bool running = m_watch.isRunning();
    Block block;
    if (!running) block = blocked();
    m_action->setText(running ? tr("Stop") : tr("Train"));
    m_action->setEnabled(running ? !m_watch.isStopping() : block.text.isEmpty());
    m_action->setToolTip(running                ? tr("Stops after the rows being computed and keeps a checkpoint (Ctrl+.)")
                         : block.text.isEmpty() ? tr("Ctrl+Return")
                                                : block.text);
    const char* role = running ? "danger" : "primary";
    if (m_action->property("role").toByteArray() != role) setRole(m_action, role);
    m_line->setProgress(running ? m_watch.progress() : -1);
    if (running) {
        QString text = m_watch.stage();
        if (!m_watch.position().isEmpty()) text += QStringLiteral(" · ") + m_watch.position();
        if (m_watch.etaSeconds() >= 0 && !m_watch.isStopping())
            text += QStringLiteral(" · ") + tr("%1 left").arg(duration(m_watch.etaSeconds()));
        m_line->say(text, "running");
        return;
    }
    if (!m_result.text.isEmpty() && toYaml(m_document.experiment()) != m_askedSettings) m_result = {};
    if (!block.text.isEmpty()) return m_line->say(block.text, "error", block.action, block.run);
    if (!m_result.text.isEmpty()) return m_line->say(m_result.text, m_resultRole, m_result.action, m_result.run);
    if (m_offer) return m_line->say(m_offer->text, "warning", m_offer->action, m_offer->run);
    if (const auto doubts = m_document.doubts(); !doubts.empty())
        return m_line->say(tr("Ready, but the prompt %1").arg(fromText(doubts.front().message)), "warning", tr("Open prompt"),
                           [this] { Q_EMIT promptRequested(); });
    m_line->say(plan(), "muted");
}

QString TrainPage::plan() const {
    const auto& dataset = m_document.dataset();
    if (!dataset) return {};
    const Experiment& e = m_document.experiment();
    const auto labels = std::int64_t(dataset->labels.size());
    const std::int64_t rows = labels * e.data.split.train_per_label, tests = labels * e.data.split.test_per_label;
    return tr("Ready: %1 rows to learn from, %2 in batches of %3, and %4 rows it never saw to judge it by.")
        .arg(count(rows), e.train.epochs == 1 ? tr("once") : tr("%1 times over").arg(e.train.epochs), count(e.train.batch_size),
             count(tests));
}

void TrainPage::begin(RunId run, RunKind kind, const QString& name) {
    if (std::exchange(m_fresh, false)) {
        m_sides[0] = m_sides[1] = {};
        m_hasLoss = m_hasEval = false;
        m_loss->clear();
        m_matrix->clear();
        m_result = {};
    }
    m_offer.reset();
    m_askedSettings = toYaml(m_document.experiment());
    m_loss->setLossPer(m_document.experiment().train.loss_on == engine::LossOn::All ? tr("token") : tr("answer token"));
    m_sides[kind == RunKind::Baseline ? 0 : 1].run = run;
    if (kind == RunKind::Train) recall(run);
    m_log->add(kind == RunKind::Baseline ? tr("Run %1, the base model: %2").arg(run).arg(name)
                                         : tr("Run %1: %2").arg(run).arg(name));
    showMetrics();
    refresh();
}

// A run begins beside the baseline it is measured against, and a resumed one with the curve it had.
void TrainPage::recall(RunId run) {
    RunDetail detail;
    try {
        detail = m_backend.runs().detail(run);
    } catch (const Error&) {
        return; // the curve then begins where the run goes on
    }
    if (!m_sides[0].run) try { // the baseline that this run is measured against, when it was there already
            const auto base = m_backend.runs().matchingBaseline(detail);
            if (const auto report = base ? m_backend.runs().detail(*base).report : std::nullopt) {
                m_sides[0] = {*report, *base, true};
                showMatrix(false);
            }
        } catch (const Error&) { // it is only shown
        }
    for (const auto& [name, points] : detail.metrics)
        for (const MetricPoint& point : points) {
            StepEvent step;
            EvalEvent eval;
            step.run = eval.run = run;
            step.step = eval.step = point.step;
            step.loss = eval.loss = point.value;
            if (name == "loss") m_loss->addStep(step);
            if (name == "eval_loss") m_loss->addEval(eval);
        }
}

void TrainPage::take(const QList<Event>& events) {
    bool metrics = false, matrix = false;
    for (const Event& event : events) {
        const auto* log = std::get_if<LogEvent>(&event);
        if (log && log->run == 0 &&
            m_told.insert(log->message).second) // before the run has a number; baseline and training say the same of the data
            m_log->add(fromText(log->message), log->severity);
        if (!m_watch.isCurrent(event)) continue;
        if (const auto* step = std::get_if<StepEvent>(&event)) {
            m_loss->addStep(*step);
            m_lastLoss = step->loss;
            m_hasLoss = metrics = true;
        } else if (const auto* eval = std::get_if<EvalEvent>(&event)) {
            m_loss->addEval(*eval);
            m_lastEval = eval->loss;
            m_hasEval = metrics = true;
            m_log->add(
                tr("Step %1: loss on unseen rows %2, %3").arg(count(eval->step), figure(eval->loss), briefly(eval->measured)));
        } else if (const auto* live = std::get_if<MatrixEvent>(&event)) {
            Side& side = m_sides[m_watch.kind() == RunKind::Baseline ? 0 : 1];
            side.run = live->run;
            side.report = score(live->confusion);
            metrics = matrix = true;
        } else if (log) {
            m_log->add(fromText(log->message), log->severity);
        }
    }
    if (metrics) showMetrics();
    if (matrix) showMatrix(m_watch.kind() != RunKind::Baseline);
}

void TrainPage::finish(RunId run, const Outcome& outcome) {
    if (const auto* done = std::get_if<Done>(&outcome)) {
        Side& side = m_sides[m_watch.kind() == RunKind::Baseline ? 0 : 1];
        side = {done->report, run, true};
        m_log->add(tr("Run %1 is done: %2").arg(run).arg(briefly(measured(done->report))));
        showMatrix(m_watch.kind() != RunKind::Baseline);
        if (m_watch.kind() != RunKind::Baseline) {
            const double seconds = done->measured["seconds_train"].value_or(0) + done->measured["seconds_evaluate"].value_or(0);
            m_result.text = tr("Done in %1: accuracy %2.").arg(duration(seconds), percent(done->report.accuracy));
            m_resultRole = "good";
        }
    } else if (const auto* stopped = std::get_if<Stopped>(&outcome)) {
        const bool resumable = !stopped->checkpoint.empty();
        m_result = {resumable ? tr("Stopped at step %1; its checkpoint is kept.").arg(count(stopped->step)) : tr("Stopped."),
                    resumable ? tr("Go on") : QString(), [this, run] {
                        m_backend.resume(run);
                        refresh();
                    }};
        m_resultRole = "warning";
        m_log->add(m_result.text, Severity::Warning);
    } else if (const auto* failed = std::get_if<Failed>(&outcome)) {
        m_result = {
            fromText(failed->message) + (failed->hint.empty() ? QString() : QLatin1Char(' ') + fromText(failed->hint)), {}, {}};
        m_resultRole = "error";
        m_log->add(m_result.text, Severity::Error);
    }
    showMetrics();
    refresh();
}

void TrainPage::rest(const QList<RunId>& runs) {
    m_fresh = true;
    m_told.clear();
    if (!runs.isEmpty() && qstrcmp(m_resultRole, "good") == 0 && !m_result.text.isEmpty()) {
        if (m_sides[0].finished && m_sides[1].finished)
            m_result.text += QLatin1Char(' ') + tr("The base model had %1.").arg(percent(m_sides[0].report.accuracy));
        m_result.action = tr("See results");
        m_result.run = [this, runs] { Q_EMIT resultsRequested(runs); };
    }
    showMetrics();
    showMatrix(m_showsTuned);
    refresh();
}

void TrainPage::showMatrix(bool tuned) {
    const Side& side = m_sides[tuned ? 1 : 0];
    for (const int i : {0, 1}) (i ? m_tuned : m_base)->setEnabled(m_sides[i].report.examples > 0);
    m_showsTuned = tuned;
    m_base->setChecked(!tuned && side.report.examples > 0);
    m_tuned->setChecked(tuned && side.report.examples > 0);
    if (side.report.examples == 0) return;
    m_matrix->setMatrix(side.report.confusion, tuned ? tr("Run %1, tuned").arg(side.run) : tr("Run %1, base").arg(side.run),
                        side.run);
}

void TrainPage::showMetrics() {
    const Measured before = measured(m_sides[0].report), after = measured(m_sides[1].report);
    for (const Measure* measure : liveMeasures()) {
        const QString key = fromText(measure->key);
        const std::optional<double> base = before.of(*measure), tuned = after.of(*measure);
        const auto text = [&](double value) { return written(measure->unit, value); };
        QLabel* note = m_metrics->noteLabel(key);
        const char* role = "small";
        if (!tuned) {
            m_metrics->set(key, base ? text(*base) : QString(), base ? tr("base") : QString());
        } else if (!base) {
            m_metrics->set(key, text(*tuned), tr("tuned"));
        } else {
            m_metrics->set(key, text(*tuned), tr("from %1").arg(text(*base)),
                           tr("%1 points over the base model").arg(writtenDifference(measure->unit, *tuned - *base)));
            role = *tuned > *base ? "gain" : *tuned < *base ? "loss" : "small";
        }
        if (note->property("role").toByteArray() != role) setRole(note, role);
    }
    m_metrics->set(QStringLiteral("loss"), m_hasLoss ? figure(m_lastLoss, 3) : QString());
    m_metrics->set(QStringLiteral("eval"), m_hasEval ? figure(m_lastEval, 3) : QString());
}

void TrainPage::fitSplit() {
    const auto& dataset = m_document.dataset();
    if (!dataset || dataset->counts.empty()) return;
    Experiment changed = m_document.experiment();
    SplitSpec& split = changed.data.split;
    const std::int64_t least = *std::min_element(dataset->counts.begin(), dataset->counts.end());
    // The shares stay what they were; a row at least is left for the evaluation while training.
    const std::int64_t spare = split.eval_per_label > 0 ? 1 : 0,
                       room = std::max<std::int64_t>(2, least - std::max(spare, least / 10 * spare));
    const double share = double(split.train_per_label) / double(split.train_per_label + split.test_per_label);
    split.train_per_label = std::clamp<std::int64_t>(std::llround(double(room) * share), 1, room - 1);
    split.test_per_label = room - split.train_per_label;
    split.eval_per_label = std::min(split.eval_per_label, std::max<std::int64_t>(0, least - room));
    m_document.setExperiment(changed);
}

} // namespace ui
