// SPDX-License-Identifier: GPL-3.0-or-later
// Shares of the whole are rough; that they only grow is what matters.
#include "ui/run_watch.h"

#include "ui/engine_text.h"
#include "ui/figures.h"

#include <algorithm>

namespace ui {

using namespace engine;

namespace {

constexpr double kBaselineShare = 0.15; // of baseline, training and evaluation together
constexpr double kTrained = 0.85;       // of a training job, when training ends

// Where a stage lies within its job.
std::pair<double, double> shareOf(RunKind kind, std::optional<Stage> stage) {
    if (stage == Stage::LoadModel || stage == Stage::QuantiseModel) return {0, 0.02};
    if (stage == Stage::ReadData) return {0.02, 0.03};
    if (kind != RunKind::Train) return {0.03, 1};
    if (stage == Stage::Train) return {0.03, kTrained};
    if (stage == Stage::Save) return {0.99, 1};
    return {kTrained, 0.99};
}

} // namespace

RunWatch::RunWatch(Backend& backend, QObject* parent) : QObject(parent), m_backend(backend) {
    connect(&backend, &Backend::jobStarted, this, &RunWatch::begin);
    connect(&backend, &Backend::events, this, &RunWatch::take);
    connect(&backend, &Backend::jobFinished, this, [this](RunId run, const Outcome& outcome) {
        if (m_run != run) return;
        if (std::holds_alternative<Done>(outcome)) advance(1);
        m_eta = -1;
        Q_EMIT changed();
    });
    connect(&backend, &Backend::idle, this, [this] {
        m_run.reset();
        m_fresh = true;
        m_stopping = false;
        Q_EMIT changed();
    });
}

QString RunWatch::stage() const {
    if (isStopping()) return tr("Stopping");
    if (!m_stage) return tr("Starting");
    switch (*m_stage) {
    case Stage::LoadModel: return tr("Loading the model");
    case Stage::QuantiseModel: return tr("Quantising the model to 4 bits, once");
    case Stage::ReadData: return tr("Reading the data");
    case Stage::CheckModel: return tr("Checking the model");
    case Stage::Train: return tr("Training");
    case Stage::Save: return tr("Saving");
    case Stage::Merge: return tr("Merging the adapter into the model");
    case Stage::ScoreAgain: return tr("Scoring what was written");
    case Stage::Baseline: return tr("Evaluating the base model");
    case Stage::Evaluate: break;
    }
    return m_kind == RunKind::Baseline ? tr("Evaluating the base model") : tr("Evaluating the tuned model");
}

QString RunWatch::position() const {
    if (m_total <= 0) return {};
    return m_stage == Stage::Train ? tr("step %1 of %2").arg(count(m_done), count(m_total))
                                   : tr("%1 of %2").arg(count(m_done), count(m_total));
}

double RunWatch::secondsRunning() const {
    return isRunning() && m_run && m_since.isValid() ? double(m_since.elapsed()) / 1000 : 0;
}

void RunWatch::stop() {
    if (!isRunning()) return;
    m_stopping = true;
    m_backend.stop();
    Q_EMIT changed();
}

bool RunWatch::isCurrent(const Event& event) const {
    return m_run && std::visit([](const auto& any) { return any.run; }, event) == *m_run;
}

void RunWatch::begin(RunId run, RunKind kind, const QString& name) {
    if (m_fresh) {
        m_fresh = false;
        m_progress = 0;
        m_rss = 0;
        m_examplesPerSecond = 0;
        m_from = 0;
        m_to = kind == RunKind::Baseline ? kBaselineShare : 1;
    } else {
        m_from = std::max(m_progress, m_to < 1 ? m_to : 0);
        m_to = 1;
    }
    m_run = run;
    m_since.start();
    m_kind = kind;
    m_name = name;
    m_stage.reset();
    m_done = m_total = 0;
    m_eta = -1;
    Q_EMIT changed();
}

void RunWatch::take(const QList<Event>& events) {
    bool mine = false;
    for (const Event& event : events) {
        if (!isCurrent(event)) continue;
        mine = true;
        if (const auto* progress = std::get_if<ProgressEvent>(&event)) {
            m_stage = progress->stage;
            m_done = progress->done;
            m_total = progress->total;
            m_eta = progress->eta_seconds;
            if (progress->examples_per_second > 0) m_examplesPerSecond = progress->examples_per_second;
        } else if (const auto* step = std::get_if<StepEvent>(&event)) {
            m_stage = Stage::Train;
            m_done = step->step;
            m_total = step->steps;
            m_eta = step->eta_seconds;
            m_examplesPerSecond = step->examples_per_second;
            if (step->rss_bytes > 0) m_rss = step->rss_bytes;
        } else if (const auto* matrix = std::get_if<MatrixEvent>(&event)) {
            if (m_stage != Stage::Baseline) m_stage = Stage::Evaluate;
            m_done = matrix->done;
            m_total = matrix->total;
        } else {
            continue;
        }
        const auto [from, to] = shareOf(m_kind, m_stage);
        advance(from + (to - from) * (m_total > 0 ? std::clamp(double(m_done) / double(m_total), 0.0, 1.0) : 0));
    }
    if (mine) Q_EMIT changed();
}

void RunWatch::advance(double ofJob) {
    m_progress = std::max(m_progress, m_from + (m_to - m_from) * ofJob);
}

} // namespace ui
