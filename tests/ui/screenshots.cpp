// SPDX-License-Identifier: GPL-3.0-or-later
// Every page in every state worth looking at, light and dark: ui_screenshots FOLDER [WORD…]. A WORD keeps pictures whose name holds it.
#include "engine/data/default_data.h"
#include "tests/support/fake_backend.h"
#include "ui/main_window.h"

#include <QApplication>
#include <QDir>
#include <QFile>
#include <QLineEdit>
#include <QPushButton>
#include <QStandardPaths>
#include <QTextStream>
#include <QThread>

#include <cmath>
#include <functional>
#include <tuple>

using namespace testing_support;
using namespace ui;

namespace {

struct Stage {
    FakeBackend backend;
    Document document{backend};
    MainWindow window{backend, document};

    void settle() {
        for (int i = 0; i < 40; ++i) {
            QApplication::processEvents();
            QThread::msleep(10); // pictures are no test: pauses in typing and asking are waited out
        }
    }
    void press(const char* name) {
        if (auto* button = window.findChild<QPushButton*>(QLatin1String(name))) button->click();
    }
};

QString sample() { return QFile::decodeName(QByteArray::fromStdString(engine::defaultDataFile().string())); }

// A file of ours with the usual faults.
QString faultyCsv(const QString& folder) {
    const QString path = folder + QStringLiteral("/support-tickets-2024-export-final.csv");
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly)) return {};
    QTextStream out(&file);
    out << "ticket,queue,subject,body\n";
    const char* queues[]{"billing", "delivery", "returns and refunds", "technical", "account"};
    for (int i = 0; i < 900; ++i) {
        out << 41000 + i << "," << queues[(i * 7) % (i % 9 == 0 ? 5 : 3)] << ",\"Order " << 7000 + i * 3 << "\",\"The parcel was due on Monday, and "
            << (i % 3 ? "nobody at the desk knows where it is now." : "it came with the wrong charger; please tell me how to send it back.") << "\"\n";
        if (i % 97 == 50) out << "41999,billing,broken row\n";
    }
    return path;
}

void fillRuns(FakeBackend& backend) {
    const std::vector<std::pair<QString, QString>> csv{{QStringLiteral("data.csv"), QStringLiteral("opinion-sentiment.csv")}};
    backend.addRun(engine::RunKind::Baseline, QStringLiteral("opinion-sentiment"), csv, baselineMatrix(), 0, 0);
    for (const auto& [r, rate, loss] : {std::tuple("8", "2e-4", 0.42), {"16", "2e-4", 0.33}, {"32", "1e-4", 0.37}}) {
        auto settings = csv;
        settings.emplace_back(QStringLiteral("lora.r"), QLatin1String(r));
        settings.emplace_back(QStringLiteral("train.learning_rate"), QLatin1String(rate));
        auto confusion = tunedMatrix();
        for (auto& row : confusion.counts) row[0] += qstrcmp(r, "8") == 0 ? 6 : 0;
        backend.addRun(engine::RunKind::Train, QStringLiteral("opinion-sentiment r%1").arg(QLatin1String(r)), settings, confusion, loss, 450);
    }
}

void startBaseline(Stage& stage, std::int64_t done) {
    stage.document.open(sample());
    stage.settle();
    stage.document.set(QStringLiteral("name"), QStringLiteral("opinion-sentiment"));
    stage.window.showPage(MainWindow::Train);
    stage.backend.startTraining(stage.document.experiment());
    const auto run = stage.backend.beginJob(engine::RunKind::Baseline, QStringLiteral("opinion-sentiment"));
    auto part = baselineMatrix();
    for (auto& row : part.counts)
        for (auto& n : row) n = n * done / 900;
    stage.backend.say({engine::LogEvent{run, engine::Severity::Note, "SmolLM2 135M Instruct, held in bf16, 2 threads"}, engine::MatrixEvent{run, part, done, 900},
                       engine::ProgressEvent{run, "evaluate", done, 900, 21.7, double(900 - done) / 21.7}});
}

engine::RunId startTraining(Stage& stage, std::int64_t step) {
    startBaseline(stage, 900);
    stage.backend.finishJob(reportOf(baselineMatrix()));
    const auto run = stage.backend.beginJob(engine::RunKind::Train, QStringLiteral("opinion-sentiment"));
    for (std::int64_t at = 1; at <= step; at += 10) {
        stage.backend.sayStepsUpTo(at, std::min(step, at + 9), 452);
        if (at % 110 == 1 && at > 1) stage.backend.say({engine::EvalEvent{run, at, 0.36 + 0.9 * std::exp(-double(at) / 90), 0.84, 0.83}});
    }
    return run;
}

struct Scene { const char* name; std::function<void(Stage&, const QString&)> play; };

std::vector<Scene> scenes() {
    return {
        {"data-empty", [](Stage&, const QString&) {}},
        {"data", [](Stage& s, const QString&) { s.document.open(sample()); }},
        {"data-faulty", [](Stage& s, const QString& folder) { s.document.open(faultyCsv(folder)); }},
        {"prompt-empty", [](Stage& s, const QString&) { s.window.showPage(MainWindow::Prompt); }},
        {"prompt", [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage(MainWindow::Prompt);
         }},
        {"prompt-article", [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage(MainWindow::Prompt);
             s.press("preset1");
             s.document.set(QStringLiteral("prompt.labels"), QStringLiteral("{negative: \" Negative\", positive: \" Positive\"}"));
         }},
        {"train-empty", [](Stage& s, const QString&) { s.window.showPage(MainWindow::Train); }},
        {"train-ready", [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage(MainWindow::Train);
         }},
        {"train-blocked", [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.document.set(QStringLiteral("data.split.train_per_label"), QStringLiteral("1000"));
             s.window.showPage(MainWindow::Train);
         }},
        {"train-small", [](Stage& s, const QString&) { startTraining(s, 120); }},
        {"data-small", [](Stage& s, const QString& folder) { s.document.open(faultyCsv(folder)); }},
        {"train-baseline", [](Stage& s, const QString&) { startBaseline(s, 420); }},
        {"train-running", [](Stage& s, const QString&) { startTraining(s, 284); }},
        {"train-done", [](Stage& s, const QString&) {
             startTraining(s, 452);
             s.backend.finishJob(reportOf(tunedMatrix()));
             s.backend.goIdle({1, 2});
             s.press("logToggle");
         }},
        {"train-all", [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage(MainWindow::Train);
             s.press("allSettings");
             s.document.set(QStringLiteral("model.precision"), QStringLiteral("nf4"));
         }},
        {"train-yaml", [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage(MainWindow::Train);
             s.press("asYaml");
         }},
        {"results-empty", [](Stage& s, const QString&) { s.window.showPage(MainWindow::Results); }},
        {"results", [](Stage& s, const QString&) {
             startTraining(s, 452);
             s.backend.finishJob(reportOf(tunedMatrix()));
             s.backend.goIdle({1, 2});
             s.press("lineAction");
         }},
        {"runs-empty", [](Stage& s, const QString&) { s.window.showPage(MainWindow::RunsTable); }},
        {"runs", [](Stage& s, const QString&) {
             fillRuns(s.backend);
             Q_EMIT s.backend.runsChanged();
             s.window.showPage(MainWindow::RunsTable);
         }},
        {"play", [](Stage& s, const QString&) {
             fillRuns(s.backend);
             Q_EMIT s.backend.runsChanged();
             s.window.showPage(MainWindow::Play);
         }},
    };
}

} // namespace

int main(int argc, char** argv) {
    if (qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) qputenv("QT_QPA_PLATFORM", "offscreen");
    QStandardPaths::setTestModeEnabled(true);
    QApplication application(argc, argv);
    application.setApplicationName(QStringLiteral("phibench-screenshots"));
    const QStringList words = application.arguments();
    if (words.size() < 2) {
        QTextStream(stderr) << "usage: ui_screenshots FOLDER [WORD…]\n";
        return 2;
    }
    const QString folder = words[1];
    QDir().mkpath(folder);
    for (const Mode mode : {Mode::Light, Mode::Dark})
        for (const Scene& scene : scenes()) {
            const QString name = QLatin1String(scene.name) + (mode == Mode::Dark ? QStringLiteral("-dark") : QStringLiteral("-light"));
            bool wanted = words.size() == 2;
            for (const QString& word : words.mid(2)) wanted = wanted || name.contains(word);
            if (!wanted) continue;
            Theme::instance().apply(application, mode);
            QTemporaryDir scratch;
            Stage stage;
            stage.window.resize(name.contains(QLatin1String("-small")) ? QSize(1160, 640) : QSize(1280, 720));
            stage.window.show();
            scene.play(stage, scratch.path());
            stage.settle();
            stage.window.grab().save(folder + QLatin1Char('/') + name + QStringLiteral(".png"));
        }
    return 0;
}
