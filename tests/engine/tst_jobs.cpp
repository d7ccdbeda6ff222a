// links: engine engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// The engine's long calls from CSV to report on a tiny model, and all that the store keeps of them.
#include "engine/jobs.h"
#include "tests/support/job_records.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <fstream>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

namespace {} // namespace

class TestJobs : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init();
    void trainsFromCsvToReport();
    void phiTrainsAsTheArticleDoes();
    void baselineThenTunedThenEvaluatedAgain();
    void evaluatesAnAdapterFolder();
    void anotherModelInItsPlaceIsRefused();
    void badInputBeginsNothing_data();
    void badInputBeginsNothing();
    void longTextsAreCutWithAWarning();
    void modelBesideTheExperimentIsFound();
    void playgroundPromptsBaseAndAdapter();
    void factsOfAModel();

private:
    Experiment experiment() const { return testing_support::tinyExperiment(m_model, m_csv); }
    std::string runsFile() const { return m_case->path().toStdString() + "/runs.db"; }

    QTemporaryDir m_dir;
    std::unique_ptr<QTemporaryDir> m_case;
    fs::path m_model, m_phi, m_csv;
};

void TestJobs::initTestCase() {
    const fs::path root = m_dir.path().toStdString();
    m_model = testing_support::writeTinyModel(root / "tiny");
    testing_support::TinyModelOptions phi;
    phi.family = "phi";
    phi.heads = 2;
    phi.residDropout = 0.1;
    m_phi = testing_support::writeTinyModel(root / "phi", phi);
    m_csv = testing_support::writeTinyCsv(root / "rows.csv");
}

void TestJobs::init() {
    m_case = std::make_unique<QTemporaryDir>();
}

void TestJobs::trainsFromCsvToReport() {
    Runs runs(runsFile());
    Heard heard;
    Experiment e = experiment();
    e.train.epochs = 12;
    const Outcome outcome = train({e, {}}, runs, heard.sink(), {});
    QVERIFY2(std::holds_alternative<Done>(outcome),
             std::holds_alternative<Failed>(outcome) ? std::get<Failed>(outcome).message.c_str() : "stopped");
    const Done& done = std::get<Done>(outcome);

    // What came back.
    QVERIFY(done.run > 0);
    QCOMPARE(done.report.examples, 30);
    QCOMPARE(done.report.confusion.labels, testing_support::tinyLabels());
    for (const Measure& measure : measures()) QVERIFY2(done.measured.of(measure).has_value(), measure.key.c_str());
    QVERIFY(*done.measured["test_loss"] > 0 && *done.measured["test_loss"] < 2);
    QVERIFY(*done.measured["peak_rss_bytes"] > 10'000'000);

    // What was told: 36 rows in batches of 6, 12 epochs.
    const auto steps = heard.all<StepEvent>();
    QCOMPARE(steps.size(), std::size_t{72});
    for (std::size_t i = 0; i < steps.size(); ++i) {
        QCOMPARE(steps[i].step, static_cast<std::int64_t>(i) + 1);
        QCOMPARE(steps[i].run, done.run);
    }
    QVERIFY(steps.back().loss < 0.5 * steps.front().loss);
    const auto evals = heard.all<EvalEvent>();
    QCOMPARE(evals.size(), std::size_t{12});
    QCOMPARE(evals.back().step, 72);
    // A random model has little to tell texts apart by, but it learns which answers there are.
    QVERIFY(evals.back().loss < evals.front().loss);
    std::vector<Stage> stages;
    for (const ProgressEvent& progress : heard.all<ProgressEvent>())
        if (stages.empty() || stages.back() != progress.stage) stages.push_back(progress.stage);
    QVERIFY((stages == std::vector<Stage>{Stage::ReadData, Stage::LoadModel, Stage::Train, Stage::Save, Stage::Evaluate}));
    QCOMPARE(heard.all<MatrixEvent>().back().confusion, done.report.confusion);

    // What is kept.
    const RunDetail detail = runs.detail(done.run);
    QVERIFY(detail.summary.state == RunState::Done);
    QVERIFY(detail.summary.kind == RunKind::Train);
    QCOMPARE(detail.summary.name, std::string("tiny"));
    QCOMPARE(detail.summary.step, 72);
    QCOMPARE(detail.summary.steps, 72);
    QVERIFY(detail.summary.measured == done.measured);
    QCOMPARE(*done.measured["accuracy"], done.report.accuracy);
    QCOMPARE(*done.measured["eval_loss"], evals.back().loss);
    QCOMPARE(*done.measured["last_loss"], steps.back().loss);
    QVERIFY(*done.measured["test_loss"] != evals.back().loss); // other rows
    QCOMPARE(detail.summary.params.size(), experimentFields().size());
    QVERIFY(std::count(detail.summary.params.begin(), detail.summary.params.end(),
                       std::pair<std::string, std::string>("lora.r", "4")) == 1);
    QCOMPARE(metric(detail, "loss")->size(), std::size_t{72});
    QCOMPARE(metric(detail, "loss")->back().value, steps.back().loss);
    QCOMPARE(metric(detail, "lr")->at(20).value, steps[20].lr);
    QCOMPARE(metric(detail, "eval_macro_f1")->size(), std::size_t{12});
    QCOMPARE(detail.datasetSha256.size(), std::size_t{64});
    QCOMPARE(detail.modelSha256.size(), std::size_t{64});
    QVERIFY(detail.versions.find("libtorch") != std::string::npos);
    const auto predictions = runs.predictions(done.run);
    QCOMPARE(predictions.size(), std::size_t{30});
    const Report again = score(predictions, testing_support::tinyLabels());
    QCOMPARE(again.confusion, done.report.confusion);
    for (const Prediction& prediction : predictions) {
        QCOMPARE(prediction.probabilities.size(), std::size_t{3});
        QVERIFY(std::abs(prediction.probabilities[0] + prediction.probabilities[1] + prediction.probabilities[2] - 1) < 1e-9);
    }
    QVERIFY(artifact(detail, "adapter") && artifact(detail, "adapter")->path == done.adapter);
    QVERIFY(fs::exists(done.adapter / "adapter_model.safetensors") && fs::exists(done.adapter / "adapter_config.json"));
    QVERIFY(artifact(detail, "checkpoint") && fs::exists(artifact(detail, "checkpoint")->path / "manifest.json"));
    // The recorded experiment gives the same run from anywhere.
    const Experiment kept = parseExperiment(detail.experimentYaml, "kept", "/");
    QCOMPARE(dataPath(kept), m_csv);
    QVERIFY(diff(kept, e).empty() || diff(kept, e).front().key == "data.csv");
}

void TestJobs::phiTrainsAsTheArticleDoes() {
    Runs runs(runsFile());
    Experiment e = experiment();
    e.model.path = m_phi.string();
    e.lora.targets = {"Wqkv", "out_proj"};
    e.lora.dropout = 0.05;
    e.train.loss_on = LossOn::All;
    e.evaluate.method = EvaluationMethod::Generate;
    e.evaluate.max_new_tokens = 8;
    Heard heard;
    const Outcome outcome = train({e, {}}, runs, heard.sink(), {});
    QVERIFY2(std::holds_alternative<Done>(outcome),
             std::holds_alternative<Failed>(outcome) ? std::get<Failed>(outcome).message.c_str() : "stopped");
    const Done& done = std::get<Done>(outcome);
    QCOMPARE(done.report.examples, 30);
    QVERIFY(heard.all<StepEvent>().back().loss < heard.all<StepEvent>().front().loss);
    for (const Prediction& prediction : runs.predictions(done.run)) QVERIFY(prediction.probabilities.empty());
    // Every row is counted once, in a label's column or in the last.
    std::int64_t counted = 0;
    for (const auto& row : done.report.confusion.counts)
        for (std::int64_t count : row) counted += count;
    QCOMPARE(counted, 30);
}

void TestJobs::baselineThenTunedThenEvaluatedAgain() {
    Runs runs(runsFile());
    const Experiment e = experiment();
    Heard heard;
    const Outcome base = evaluate({e, {}, {}}, runs, heard.sink(), {});
    QVERIFY(std::holds_alternative<Done>(base));
    const RunId baseline = std::get<Done>(base).run;
    QVERIFY(runs.detail(baseline).summary.kind == RunKind::Baseline);
    QVERIFY(std::get<Done>(base).adapter.empty());
    QVERIFY(heard.all<ProgressEvent>().back().stage == Stage::Baseline);
    QVERIFY(!std::get<Done>(base).measured["eval_loss"] && !std::get<Done>(base).measured["seconds_train"]);

    const Outcome tuned = train({e, {}}, runs, {}, {});
    QVERIFY(std::holds_alternative<Done>(tuned));
    const Done& trained = std::get<Done>(tuned);
    const Outcome again = evaluate({e, {}, trained.run}, runs, {}, {});
    QVERIFY(std::holds_alternative<Done>(again));
    const Done& evaluated = std::get<Done>(again);
    const RunDetail detail = runs.detail(evaluated.run);
    QVERIFY(detail.summary.kind == RunKind::Evaluate);
    QCOMPARE(detail.parent, std::optional(trained.run));
    QCOMPARE(runs.matchingBaseline(runs.detail(trained.run)), std::optional(baseline));
    // The adapter from its file does just what it did in memory.
    const auto before = runs.predictions(trained.run), after = runs.predictions(evaluated.run);
    QCOMPARE(after.size(), before.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
        QCOMPARE(after[i].record, before[i].record);
        QCOMPARE(after[i].guess, before[i].guess);
        QCOMPARE(after[i].probabilities, before[i].probabilities);
    }
    QVERIFY(runs.predictions(baseline).front().probabilities != before.front().probabilities);
    const Outcome none = evaluate({e, {}, baseline}, runs, {}, {});
    QVERIFY(std::holds_alternative<Failed>(none));
    QCOMPARE(std::get<Failed>(none).code, ErrorCode::NotFound);
}

void TestJobs::evaluatesAnAdapterFolder() {
    Runs runs(runsFile());
    Experiment e = experiment();
    const Outcome tuned = train({e, {}}, runs, {}, {});
    QVERIFY(std::holds_alternative<Done>(tuned));
    const Done& trained = std::get<Done>(tuned);
    e.lora.r = 16; // what the experiment says of LoRA does not matter
    const Outcome outcome = evaluate({e, trained.adapter, {}}, runs, {}, {});
    QVERIFY(std::holds_alternative<Done>(outcome));
    const Done& done = std::get<Done>(outcome);
    QCOMPARE(done.report.confusion, trained.report.confusion);
    QCOMPARE(done.adapter, trained.adapter);
    const auto params = runs.detail(done.run).summary.params;
    QCOMPARE(std::count(params.begin(), params.end(), std::pair<std::string, std::string>("lora.r", "4")), std::ptrdiff_t{1});

    e.model.path = m_phi.string();
    const Outcome wrong = evaluate({e, trained.adapter, {}}, runs, {}, {});
    QVERIFY(std::holds_alternative<Failed>(wrong));
    QCOMPARE(std::get<Failed>(wrong).code, ErrorCode::BadInput);
    QCOMPARE(std::get<Failed>(wrong).run, 0);
    QVERIFY(std::get<Failed>(wrong).message.find("model.layers.0") != std::string::npos);
}

void TestJobs::anotherModelInItsPlaceIsRefused() {
    Runs runs(runsFile());
    Experiment e = experiment();
    const fs::path model = fs::path(m_case->path().toStdString()) / "model";
    fs::copy(m_model, model);
    e.model.path = model.string();
    const Outcome tuned = train({e, {}}, runs, {}, {});
    QVERIFY(std::holds_alternative<Done>(tuned));
    std::ofstream(model / "config.json", std::ios::app) << "\n";
    const Outcome outcome = evaluate({e, {}, std::get<Done>(tuned).run}, runs, {}, {});
    QVERIFY(std::holds_alternative<Failed>(outcome));
    const Failed& failed = std::get<Failed>(outcome);
    QCOMPARE(failed.code, ErrorCode::BadInput);
    QVERIFY2(failed.message.find("is not the model that run 1 was trained on") != std::string::npos, failed.message.c_str());
    QCOMPARE(failed.run, 0);
    e.model.path = m_model.string(); // elsewhere, as it was
    QVERIFY(std::holds_alternative<Done>(evaluate({e, {}, std::get<Done>(tuned).run}, runs, {}, {})));
}

void TestJobs::badInputBeginsNothing_data() {
    QTest::addColumn<QString>("setting");
    QTest::addColumn<QString>("said");
    QTest::newRow("no data") << QStringLiteral("data.csv=/nowhere/rows.csv") << QStringLiteral("/nowhere/rows.csv");
    QTest::newRow("no model") << QStringLiteral("model.path=/nowhere/model") << QStringLiteral("/nowhere/model");
    QTest::newRow("unknown column") << QStringLiteral("data.text=body") << QStringLiteral("body");
    QTest::newRow("too few rows") << QStringLiteral("data.split.train_per_label=1000") << QStringLiteral("1000");
    QTest::newRow("unknown target") << QStringLiteral("lora.targets=[q_porj]") << QStringLiteral("q_porj");
    QTest::newRow("no room") << QStringLiteral("train.max_tokens=12") << QStringLiteral("12");
    QTest::newRow("compute") << QStringLiteral("model.compute=fp16") << QStringLiteral("model.compute: this version computes");
}

void TestJobs::badInputBeginsNothing() {
    QFETCH(QString, setting);
    QFETCH(QString, said);
    Runs runs(runsFile());
    Experiment e = experiment();
    applySetting(e, setting.toStdString());
    const Outcome outcome = train({e, {}}, runs, {}, {});
    QVERIFY(std::holds_alternative<Failed>(outcome));
    const Failed& failed = std::get<Failed>(outcome);
    QVERIFY(failed.code == ErrorCode::BadInput || failed.code == ErrorCode::NotFound);
    QVERIFY2(failed.message.find(said.toStdString()) != std::string::npos, failed.message.c_str());
    QCOMPARE(failed.run, 0);
    QVERIFY(runs.list().empty());
}

void TestJobs::longTextsAreCutWithAWarning() {
    Runs runs(runsFile());
    Experiment e = experiment();
    e.train.max_tokens = 60;
    e.train.epochs = 1;
    Heard heard;
    QVERIFY(std::holds_alternative<Done>(evaluate({e, {}, {}}, runs, heard.sink(), {})));
    QVERIFY(heard.warned("cut"));
}

void TestJobs::modelBesideTheExperimentIsFound() {
    Runs runs(runsFile());
    Experiment e = experiment();
    e.model.path = "tiny";
    e.data.csv = "rows.csv";
    e.directory = m_dir.path().toStdString();
    const Outcome outcome = evaluate({e, {}, {}}, runs, {}, {});
    QVERIFY2(std::holds_alternative<Done>(outcome),
             std::holds_alternative<Failed>(outcome) ? std::get<Failed>(outcome).message.c_str() : "stopped");
    const Experiment kept = parseExperiment(runs.detail(std::get<Done>(outcome).run).experimentYaml, "kept", "/");
    QCOMPARE(fs::path(kept.model.path), m_model);
    QCOMPARE(dataPath(kept), m_csv);
}

void TestJobs::playgroundPromptsBaseAndAdapter() {
    Runs runs(runsFile());
    Experiment e = experiment();
    e.train.epochs = 6;
    const Outcome tuned = train({e, {}}, runs, {}, {});
    QVERIFY(std::holds_alternative<Done>(tuned));
    Playground playground(m_model.string(), "fp32", std::get<Done>(tuned).adapter, {}, {});
    QVERIFY(playground.hasAdapter());
    GenerateOptions options;
    options.maxNewTokens = 8;
    std::string streamed;
    int column = -1;
    const Sink sink = [&](const Event& event) {
        const auto& token = std::get<TokenEvent>(event);
        streamed += token.text;
        column = token.column;
    };
    const std::string prompt = "How is this news: The mill lost money again.\nAnswer:";
    const Generated adapted = playground.generate(prompt, options, true, 1, sink, {});
    QCOMPARE(streamed, adapted.text);
    QCOMPARE(column, 1);
    QVERIFY2(adapted.text.starts_with(" n") || adapted.text.starts_with(" p"), adapted.text.c_str());
    const Generated base = playground.generate(prompt, options, false, 0, {}, {});
    QVERIFY(base.text != adapted.text);
    QCOMPARE(Playground(m_model.string(), "fp32", {}, {}, {}).generate(prompt, options, true, 0, {}, {}).text, base.text);

    const fs::path bare = fs::path(m_dir.path().toStdString()) / "without tokenizer";
    fs::copy(m_model.string(), bare);
    fs::remove(bare / "tokenizer.json");
    const auto of = [&](const fs::path& adapter, const std::vector<std::int32_t>& ids) {
        return logits(bare.string(), "fp32", adapter, ids, {}, {});
    };
    const Logits made = of(std::get<Done>(tuned).adapter, {1, 2, 3});
    QCOMPARE(made.vocabulary, testing_support::tinyVocabulary());
    QCOMPARE(static_cast<std::int64_t>(made.values.size()), 3 * made.vocabulary);
    QVERIFY(of({}, {1, 2, 3}).values != made.values);
    QVERIFY_EXCEPTION_THROWN(of({}, {}), Error);
    QVERIFY_EXCEPTION_THROWN(of({}, {1, 100000}), Error);
    QVERIFY_EXCEPTION_THROWN(Playground("/nowhere/model", "fp32", {}, {}, {}), Error);
}

void TestJobs::factsOfAModel() {
    const ModelFacts facts = modelFacts(m_phi.string());
    QCOMPARE(facts.family, std::string("phi"));
    QCOMPARE(facts.format, std::string("safetensors F32"));
    QCOMPARE(facts.config.layers, 2);
    QCOMPARE(facts.config.max_positions, 512);
    std::int64_t parameters = 0;
    testing_support::TinyModelOptions options;
    options.family = "phi";
    options.heads = 2;
    for (const auto& tensor : testing_support::tinyTensors(options))
        parameters += static_cast<std::int64_t>(tensor.values.size());
    QCOMPARE(facts.parameters, parameters);
    LoraSpec lora;
    lora.r = 4;
    lora.targets = {"q_proj"};
    QCOMPARE(trainableParameters(m_phi.string(), lora), 2 * 4 * (64 + 64));
    lora.targets = {"nothing"};
    QVERIFY_EXCEPTION_THROWN(trainableParameters(m_phi.string(), lora), Error);
    QVERIFY_EXCEPTION_THROWN(modelFacts("/nowhere"), Error);
    QVERIFY(engineDescription().starts_with("libtorch 2."));
}

QTEST_APPLESS_MAIN(TestJobs)
#include "tst_jobs.moc"
