// SPDX-License-Identifier: GPL-3.0-or-later
// How the run under way stands, put together from the backend's signals; events of another run are dropped.
#pragma once
#include "ui/backend.h"

#include <QElapsedTimer>

namespace ui {

class RunWatch : public QObject {
    Q_OBJECT
public:
    explicit RunWatch(Backend& backend, QObject* parent = nullptr);

    bool isRunning() const { return m_backend.busy(); }
    bool isStopping() const { return m_stopping && isRunning(); }
    std::optional<engine::RunId> run() const { return m_run; }
    engine::RunKind kind() const { return m_kind; }
    QString name() const { return m_name; }

    QString stage() const;                         // "Training", "Evaluating the base model"
    QString position() const;                      // "step 84 of 339", "120 of 900"; empty when unknown
    double progress() const { return m_progress; } // 0..1 of everything that was started; never falls
    double etaSeconds() const { return m_eta; }    // of this stage; -1: unknown
    double examplesPerSecond() const { return m_examplesPerSecond; }
    std::int64_t rssBytes() const { return m_rss; }
    double secondsRunning() const; // since the run began or went on; 0: none

    void stop();
    /// Of the run being watched?
    bool isCurrent(const engine::Event& event) const;

Q_SIGNALS:
    void changed();

private:
    void begin(engine::RunId run, engine::RunKind kind, const QString& name);
    void take(const QList<engine::Event>& events);
    void advance(double ofJob);

    Backend& m_backend;
    std::optional<engine::RunId> m_run;
    engine::RunKind m_kind = engine::RunKind::Train;
    QString m_name;
    std::optional<engine::Stage> m_stage; // none: nothing was told yet
    QElapsedTimer m_since;
    bool m_stopping = false, m_fresh = true;     // fresh: nothing of this start call has been seen yet
    double m_from = 0, m_to = 1, m_progress = 0; // this job's share of the whole
    std::int64_t m_done = 0, m_total = 0, m_rss = 0;
    double m_eta = -1, m_examplesPerSecond = 0;
};

} // namespace ui
