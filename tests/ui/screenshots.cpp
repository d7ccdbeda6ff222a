// SPDX-License-Identifier: GPL-3.0-or-later
// Every page in every state worth looking at, light and dark: ui_screenshots FOLDER [WORD…]. A WORD keeps pictures whose name
// holds it.
#include "engine/data/default_data.h"
#include "tests/support/fake_backend.h"
#include "ui/compare/compare_page.h"
#include "ui/main_window.h"
#include "ui/playground/playground_page.h"
#include "ui/plots/matrix_plot.h"
#include "ui/prompt/prompt_page.h"
#include "ui/runs/runs_page.h"
#include "ui/theme/theme.h"
#include "ui/train/train_page.h"

#include <QApplication>
#include <QComboBox>
#include <QDir>
#include <QEventLoop>
#include <QFile>
#include <QLineEdit>
#include <QPushButton>
#include <QStandardPaths>
#include <QTabWidget>
#include <QTableView>
#include <QTextStream>
#include <QTimer>

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
        QEventLoop loop; // pictures are no test: pauses in typing and asking are waited out
        QTimer::singleShot(400, &loop, &QEventLoop::quit);
        loop.exec();
    }
    void press(const char* name) {
        if (auto* button = window.findChild<QPushButton*>(QLatin1String(name))) button->click();
    }
};

QString sample() {
    return QFile::decodeName(QByteArray::fromStdString(engine::defaultDataFile().string()));
}

// A file of ours with the usual faults.
QString faultyCsv(const QString& folder) {
    const QString path = folder + QStringLiteral("/support-tickets-2024-export-final.csv");
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly)) return {};
    QTextStream out(&file);
    out << "ticket,queue,subject,body\n";
    const char* queues[]{"billing", "delivery", "returns and refunds", "technical", "account"};
    for (int i = 0; i < 900; ++i) {
        out << 41000 + i << "," << queues[(i * 7) % (i % 9 == 0 ? 5 : 3)] << ",\"Order " << 7000 + i * 3
            << "\",\"The parcel was due on Monday, and "
            << (i % 3 ? "nobody at the desk knows where it is now."
                      : "it came with the wrong charger; please tell me how to send it back.")
            << "\"\n";
        if (i % 97 == 50) out << "41999,billing,broken row\n";
    }
    return path;
}

// A few days' work: a baseline, a sweep, an evaluation by generating, and what went wrong on the way.
void fillRuns(Stage& stage) {
    stage.document.open(sample());
    stage.settle();
    FakeBackend& backend = stage.backend;
    if (stage.document.table()) backend.datasetSha256 = stage.document.table()->sha256();
    const std::vector<std::pair<QString, QString>> data{{QStringLiteral("data.csv"), sample()}};
    const auto with = [&](std::initializer_list<std::pair<const char*, const char*>> more) {
        auto settings = data;
        for (const auto& [key, value] : more) settings.emplace_back(QLatin1String(key), QLatin1String(value));
        return settings;
    };
    const auto worse = [](std::int64_t rows) {
        auto confusion = tunedMatrix();
        for (std::size_t i = 0; i < 3; ++i) {
            confusion.counts[i][i] -= rows;
            confusion.counts[i][(i + 1) % 3] += rows;
        }
        return confusion;
    };
    using engine::RunKind;
    engine::Runs& runs = backend.runs();
    backend.addRun(RunKind::Baseline, QStringLiteral("opinion-sentiment"), data, baselineMatrix(), 0, 0);
    const auto r8 = backend.addRun(RunKind::Train, QStringLiteral("rank 8"), with({{"lora.r", "8"}}), worse(14), 0.42, 452);
    backend.addRun(RunKind::Train, QStringLiteral("rank 16"), with({{"lora.r", "16"}}), worse(6), 0.36, 452);
    const auto best = backend.addRun(RunKind::Train, QStringLiteral("rank 32, slower"),
                                     with({{"lora.r", "32"}, {"train.learning_rate", "1e-4"}}), tunedMatrix(), 0.31, 904);
    const auto broken = backend.addRun(RunKind::Train, QStringLiteral("rank 64, fast"),
                                       with({{"lora.r", "64"}, {"train.learning_rate", "5e-3"}}), baselineMatrix(), 1.4, 60);
    runs.finish(broken, engine::RunState::Failed,
                "Training diverged: the loss of step 61 is not a finite number. Nothing of it was saved.");
    const auto early = backend.addRun(RunKind::Train, QStringLiteral("rank 32, four epochs"),
                                      with({{"lora.r", "32"}, {"train.epochs", "4"}}), worse(3), 0.3, 310);
    runs.finish(early, engine::RunState::Stopped, "Stopped by the user.");
    backend.addRun(RunKind::Evaluate, QStringLiteral("rank 32, by generating"),
                   with({{"evaluate.method", "generate"}, {"lora.r", "32"}}), worse(9), 0, 0);
    runs.addTag(best, "best");
    runs.addTag(best, "for the report");
    runs.addTag(r8, "sweep");
    runs.setNote(best, "Half the rate and twice the rank: neutral no longer swallows the mild negatives.");
    for (const auto run : {r8, best}) runs.addArtifact(run, {"adapter", "/home/ada/runs.db-files/adapter", std::string(64, 'a')});
    Q_EMIT backend.runsChanged();
}

void selectRuns(Stage& stage, std::initializer_list<int> rows) {
    stage.window.showPage<RunsPage>();
    auto* view = stage.window.findChild<QTableView*>(QStringLiteral("runs"));
    view->clearSelection();
    for (const int row : rows)
        view->selectionModel()->select(view->model()->index(row, 0), QItemSelectionModel::Select | QItemSelectionModel::Rows);
}

void compareRuns(Stage& stage, const QList<engine::RunId>& runs) {
    fillRuns(stage);
    stage.window.showPage<ComparePage>();
    stage.window.findChild<ComparePage*>()->showRuns(runs);
}

// Both answers, the second still coming.
void askBoth(Stage& stage) {
    fillRuns(stage);
    stage.window.showPage<PlaygroundPage>();
    auto* adapter = stage.window.findChild<QComboBox*>(QStringLiteral("playAdapter"));
    adapter->setCurrentIndex(adapter->findData(QVariant(qlonglong(4))));
    stage.press("playInsert");
    stage.press("playRun");
    if (stage.backend.prompts.empty()) return;
    const quint64 token = stage.backend.lastToken();
    const QString base = QStringLiteral(" The sentence is about the opinion of the author.\n\nThe author says that the policy of "
                                        "the government is not what the people want, and that"),
                  tuned = QStringLiteral(" negative");
    Q_EMIT stage.backend.playgroundToken(token, 0, base);
    Q_EMIT stage.backend.playgroundFinished(token, 0, base, QStringLiteral("32 tokens, 84.1 tokens/s"));
    Q_EMIT stage.backend.playgroundToken(token, 1, tuned);
}

void startBaseline(Stage& stage, std::int64_t done) {
    stage.document.open(sample());
    stage.settle();
    stage.document.set(QStringLiteral("name"), QStringLiteral("opinion-sentiment"));
    stage.window.showPage<TrainPage>();
    stage.backend.startTraining(stage.document.experiment());
    const auto run = stage.backend.beginJob(engine::RunKind::Baseline, QStringLiteral("opinion-sentiment"));
    auto part = baselineMatrix();
    for (auto& row : part.counts)
        for (auto& n : row) n = n * done / 900;
    stage.backend.say({engine::LogEvent{run, engine::Severity::Note, "SmolLM2 135M Instruct, held in bf16, 2 threads"},
                       engine::MatrixEvent{run, part, done, 900},
                       engine::ProgressEvent{run, engine::Stage::Evaluate, done, 900, 21.7, double(900 - done) / 21.7}});
}

engine::RunId startTraining(Stage& stage, std::int64_t step) {
    startBaseline(stage, 900);
    stage.backend.finishJob(engine::score(baselineMatrix()));
    const auto run = stage.backend.beginJob(engine::RunKind::Train, QStringLiteral("opinion-sentiment"));
    for (std::int64_t at = 1; at <= step; at += 10) {
        stage.backend.sayStepsUpTo(at, std::min(step, at + 9), 452);
        if (at % 110 == 1 && at > 1)
            stage.backend.say({engine::EvalEvent{run, at, 0.36 + 0.9 * std::exp(-double(at) / 90),
                                                 measured(engine::score(testing_support::tunedMatrix()))}});
    }
    return run;
}

struct Scene {
    const char* name;
    std::function<void(Stage&, const QString&)> play;
};

std::vector<Scene> scenes() {
    return {
        {"data-empty", [](Stage&, const QString&) {}},
        {"data", [](Stage& s, const QString&) { s.document.open(sample()); }},
        {"data-faulty", [](Stage& s, const QString& folder) { s.document.open(faultyCsv(folder)); }},
        {"prompt-empty", [](Stage& s, const QString&) { s.window.showPage<PromptPage>(); }},
        {"prompt",
         [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage<PromptPage>();
         }},
        {"prompt-article",
         [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage<PromptPage>();
             s.press("preset1");
             s.document.set(QStringLiteral("prompt.labels"),
                            QStringLiteral("{negative: \" Negative\", positive: \" Positive\"}"));
         }},
        {"train-empty", [](Stage& s, const QString&) { s.window.showPage<TrainPage>(); }},
        {"train-ready",
         [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage<TrainPage>();
         }},
        {"train-blocked",
         [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.document.set(QStringLiteral("data.split.train_per_label"), QStringLiteral("1000"));
             s.window.showPage<TrainPage>();
         }},
        {"notice",
         [](Stage& s, const QString& folder) {
             s.document.open(sample());
             s.settle();
             s.window.showPage<PromptPage>();
             s.document.open(folder + QStringLiteral("/reviews-2024.yaml"));
         }},
        {"train-small", [](Stage& s, const QString&) { startTraining(s, 120); }},
        {"data-small", [](Stage& s, const QString& folder) { s.document.open(faultyCsv(folder)); }},
        {"train-baseline", [](Stage& s, const QString&) { startBaseline(s, 420); }},
        {"train-running", [](Stage& s, const QString&) { startTraining(s, 284); }},
        {"train-done",
         [](Stage& s, const QString&) {
             startTraining(s, 452);
             s.backend.finishJob(engine::score(tunedMatrix()));
             s.backend.goIdle({1, 2});
             s.press("logToggle");
         }},
        {"train-all",
         [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage<TrainPage>();
             s.press("allSettings");
             s.document.set(QStringLiteral("model.precision"), QStringLiteral("nf4"));
         }},
        {"train-yaml",
         [](Stage& s, const QString&) {
             s.document.open(sample());
             s.settle();
             s.window.showPage<TrainPage>();
             s.press("asYaml");
         }},
        {"results-empty", [](Stage& s, const QString&) { s.window.showPage<ComparePage>(); }},
        {"results",
         [](Stage& s, const QString&) {
             startTraining(s, 452);
             s.backend.finishJob(engine::score(tunedMatrix()));
             s.backend.goIdle({1, 2});
             s.press("lineAction");
         }},
        {"runs-empty", [](Stage& s, const QString&) { s.window.showPage<RunsPage>(); }},
        {"results-one", [](Stage& s, const QString&) { compareRuns(s, {4}); }},
        {"results-pair",
         [](Stage& s, const QString&) {
             compareRuns(s, {1, 4});
         }},
        {"results-cell",
         [](Stage& s, const QString&) {
             compareRuns(s, {1, 4});
             s.settle();
             Q_EMIT s.window.findChild<MatrixPlot*>(QStringLiteral("matrix4"))->cellClicked(1, 2);
         }},
        {"results-four",
         [](Stage& s, const QString&) {
             compareRuns(s, {1, 2, 3, 4});
         }},
        {"results-settings",
         [](Stage& s, const QString&) {
             compareRuns(s, {2, 4});
             s.settle();
             s.window.findChild<ComparePage*>()->findChild<QTabWidget*>()->setCurrentIndex(3);
         }},
        {"runs",
         [](Stage& s, const QString&) {
             fillRuns(s);
             selectRuns(s, {3});
         }},
        {"runs-two-small",
         [](Stage& s, const QString&) {
             fillRuns(s);
             selectRuns(s, {3, 6});
         }},
        {"runs-failed",
         [](Stage& s, const QString&) {
             fillRuns(s);
             selectRuns(s, {2});
         }},
        {"runs-filter",
         [](Stage& s, const QString&) {
             fillRuns(s);
             s.window.showPage<RunsPage>();
             s.window.findChild<QLineEdit*>(QStringLiteral("filter"))->setText(QStringLiteral("r >= 32 and accurracy > 0.8"));
         }},
        {"runs-undo",
         [](Stage& s, const QString&) {
             fillRuns(s);
             selectRuns(s, {0, 1});
             s.press("deleteMany");
         }},
        {"play-empty", [](Stage& s, const QString&) { s.window.showPage<PlaygroundPage>(); }},
        {"play", [](Stage& s, const QString&) { askBoth(s); }},
        {"play-small", [](Stage& s, const QString&) { askBoth(s); }},
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
            const QString name =
                QLatin1String(scene.name) + (mode == Mode::Dark ? QStringLiteral("-dark") : QStringLiteral("-light"));
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
