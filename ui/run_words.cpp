// SPDX-License-Identifier: GPL-3.0-or-later
// One vocabulary for tables, chips and titles.
#include "ui/run_words.h"

#include "ui/engine_text.h"
#include "ui/theme/icons.h"

#include <QCoreApplication>
#include <QDateTime>

namespace ui {
namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(runs)
};

} // namespace

QString runTitle(const engine::RunSummary& run) {
    return QStringLiteral("%1 · %2").arg(run.id).arg(run.kind == engine::RunKind::Baseline ? Words::tr("baseline")
                                                                                           : fromText(run.name));
}

QString kindWord(engine::RunKind kind) {
    switch (kind) {
    case engine::RunKind::Baseline: return Words::tr("Baseline");
    case engine::RunKind::Train: return Words::tr("Training");
    case engine::RunKind::Evaluate: return Words::tr("Evaluation");
    }
    return {};
}

QString stateWord(engine::RunState state) {
    switch (state) {
    case engine::RunState::Running: return Words::tr("Running");
    case engine::RunState::Done: return Words::tr("Done");
    case engine::RunState::Stopped: return Words::tr("Stopped");
    case engine::RunState::Failed: return Words::tr("Failed");
    case engine::RunState::Interrupted: return Words::tr("Interrupted");
    }
    return {};
}

QIcon stateIcon(engine::RunState state) {
    switch (state) {
    case engine::RunState::Running: return icon(QStringLiteral("train"), Token::Accent);
    case engine::RunState::Done: return icon(QStringLiteral("good"), Token::Good);
    case engine::RunState::Stopped: return icon(QStringLiteral("stop"), Token::Muted);
    case engine::RunState::Failed: return icon(QStringLiteral("error"), Token::Bad);
    case engine::RunState::Interrupted: return icon(QStringLiteral("warning"), Token::Warn);
    }
    return {};
}

double runDuration(const engine::RunSummary& run) {
    if (run.started <= 0) return -1;
    if (run.finished > 0) return std::max(0.0, run.finished - run.started);
    return run.state == engine::RunState::Running
               ? std::max(0.0, double(QDateTime::currentMSecsSinceEpoch()) / 1000 - run.started)
               : -1;
}

QString runSetting(const engine::RunSummary& run, const std::string& key) {
    for (const auto& [name, value] : run.params)
        if (name == key) return fromText(value);
    return {};
}

QString problemText(const std::exception& error) {
    return QString::fromUtf8(error.what());
}

} // namespace ui
