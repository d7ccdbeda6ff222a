// SPDX-License-Identifier: GPL-3.0-or-later
// Train: the settings, the button, and what happens while it runs.
#pragma once
#include "ui/backend.h"
#include "ui/document.h"
#include "ui/page.h"
#include "ui/run_watch.h"

#include <set>
#include <string>

class QPushButton;
class QStackedLayout;

namespace ui {

class ExperimentForm;
class Facts;
class LogPanel;
class LossPlot;
class MatrixPlot;
class ModelFactsView;
class StatusLine;
class YamlEditor;

class TrainPage : public Page {
    Q_OBJECT
public:
    explicit TrainPage(Backend& backend, Document& document, QWidget* parent = nullptr);
    ~TrainPage() override;

    RunWatch& watch() { return m_watch; }
    /// Starts if nothing stands in the way.
    void train();
    /// Asks first when more than a minute's work is at stake.
    void stop();
    /// Takes what is still being typed.
    void flush();
    /// Says that the newest training was stopped, and offers to go on with it.
    void offerToGoOn();
    /// Why Train is disabled; empty: it is not.
    QString obstacle() const;
    /// Why it did not open, at the page's line (the window's errors come here when no page is closer).
    void say(const QString& text, engine::Severity severity);

Q_SIGNALS:
    void dataRequested();
    void promptRequested();
    void resultsRequested(const QList<engine::RunId>& runs);

private:
    struct Block {
        QString text, action;
        std::function<void()> run;
    };

    QWidget* buildSettings();
    QWidget* buildRun();
    Block blocked();
    void refresh();
    bool mayStop();
    QString plan() const;
    void begin(engine::RunId run, engine::RunKind kind, const QString& name);
    void recall(engine::RunId run);
    void take(const QList<engine::Event>& events);
    void finish(engine::RunId run, const engine::Outcome& outcome);
    void rest(const QList<engine::RunId>& runs);
    void showMatrix(bool tuned);
    void showMetrics();
    void fitSplit();

    Backend& m_backend;
    Document& m_document;
    RunWatch m_watch;
    ExperimentForm* m_form = nullptr;
    YamlEditor* m_yaml = nullptr;
    ModelFactsView* m_model = nullptr;
    QPushButton *m_all = nullptr, *m_asYaml = nullptr, *m_action = nullptr, *m_base = nullptr, *m_tuned = nullptr;
    QStackedLayout* m_settings = nullptr;
    StatusLine* m_line = nullptr;
    Facts* m_metrics = nullptr;
    LossPlot* m_loss = nullptr;
    MatrixPlot* m_matrix = nullptr;
    LogPanel* m_log = nullptr;

    struct Side {
        engine::Report report; // so far
        engine::RunId run = 0;
        bool finished = false;
    };
    Side m_sides[2];                           // base, tuned
    bool m_showsTuned = false, m_fresh = true; // fresh: nothing of this start call has been seen yet
    std::set<std::string> m_told;              // before a run had a number, in this start call
    double m_lastLoss = 0, m_lastEval = 0;
    bool m_hasLoss = false, m_hasEval = false;
    std::string m_askedSettings; // of the run whose result the line tells
    Block m_result;              // how the last run ended, until the settings change
    const char* m_resultRole = "good";
    std::optional<Block> m_offer;
};

} // namespace ui
