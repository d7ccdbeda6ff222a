// links: engine engine_core test_support
// SPDX-License-Identifier: GPL-3.0-or-later
// Runs outlive the version that made them: version 0.1's runs file (data/make_version_0_1.py), and this version's runs in one
// that knows another setting or another default.
#include "engine/compare.h"
#include "engine/jobs.h"
#include "engine/other_settings.h"
#include "engine/train/checkpoint_settings.h"
#include "tests/support/file_bytes.h"
#include "tests/support/job_records.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QTest>
#include <algorithm>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

namespace {

constexpr RunId kBaseline = 1, kTrained = 2, kStopped = 3;

/// A later version's setting, kept where no field of this version lies.
Field moodField(Decides decides) {
    return {.key = "train.mood",
            .title = "Mood",
            .help = "What a later version may have.",
            .kind = FieldKind::Choice,
            .choices = {"calm", "wild"},
            .decides = decides,
            .before = "calm",
            .get = [](const Experiment& e) { return e.directory.filename() == "calm" ? "calm" : "wild"; },
            .set = [](Experiment& e, const std::string& text) { e.directory = fs::path("/") / text; }};
}

std::vector<Field> withMood(Decides decides = Decides::Both) {
    std::vector<Field> fields = experimentFields();
    const auto last = std::find_if(fields.rbegin(), fields.rend(), [](const Field& f) { return f.key.starts_with("train."); });
    fields.insert(last.base(), moodField(decides));
    return fields;
}

QByteArray said(const Outcome& outcome) {
    const auto* failed = std::get_if<Failed>(&outcome);
    return failed ? QByteArray::fromStdString(failed->message) : QByteArray("not failed");
}

} // namespace

class TestVersions : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init();
    void opensWhatVersion01Left();
    void resumesWhatVersion01Stopped_data();
    void resumesWhatVersion01Stopped();
    void version01sCheckpointKeepsItsSettings();
    void ownRunIsResumedByALaterVersion_data();
    void ownRunIsResumedByALaterVersion();
    void laterVersionsRunIsRefusedInWords();
    void checkpointsCompareByKey();
    void baselinesMatchOverVersions();
    void damagedRecords();

private:
    fs::path runsFile() const { return fs::path(m_case->path().toStdString()) / "runs.db"; }
    /// What the run recorded, its data being where they are here.
    Experiment recordedOf(const Runs& runs, RunId run) const {
        Experiment experiment = parseRecorded(runs.detail(run).experimentYaml, "Run " + std::to_string(run));
        experiment.data.csv = m_fixture / "rows.csv";
        return experiment;
    }
    RunId stoppedRun(Runs& runs, const Experiment& experiment) const;

    const fs::path m_fixture = fs::path(PHIBENCH_SOURCE_DIR) / "tests/engine/data/version_0_1";
    QTemporaryDir m_dir;
    std::unique_ptr<QTemporaryDir> m_case;
    fs::path m_model, m_csv;
};

void TestVersions::initTestCase() {
    const fs::path root = m_dir.path().toStdString();
    m_model = writeTinyModel(root / "tiny");
    m_csv = writeTinyCsv(root / "rows.csv");
    qputenv("HF_HUB_CACHE", QByteArray::fromStdString((m_fixture / "hub").string()));
    qputenv("XDG_CACHE_HOME", QByteArray::fromStdString((root / "cache").string()));
}

void TestVersions::init() {
    m_case = std::make_unique<QTemporaryDir>();
    fs::copy(m_fixture / "runs.db", runsFile());
    fs::copy(m_fixture / "runs.db-files", runsFile().string() + "-files", fs::copy_options::recursive);
}

void TestVersions::opensWhatVersion01Left() {
    Runs runs(runsFile());
    const std::vector<RunSummary> list = runs.list();
    QCOMPARE(list.size(), std::size_t(3));
    QVERIFY(list[0].id == kStopped && list[0].kind == RunKind::Train && list[0].state == RunState::Stopped);
    QVERIFY(list[1].id == kTrained && list[1].kind == RunKind::Train && list[1].state == RunState::Done);
    QVERIFY(list[2].id == kBaseline && list[2].kind == RunKind::Baseline && list[2].state == RunState::Done);
    QCOMPARE(list[1].tags, std::vector<std::string>{"kept"});
    QCOMPARE(list[1].step, 24);
    QCOMPARE(list[1].params.size(), experimentFields().size());
    QCOMPARE(runs.predictions(kTrained).size(), std::size_t(18));

    const RunDetail before = runs.detail(kBaseline), after = runs.detail(kTrained);
    QVERIFY(before.report && after.report);
    const auto& losses = *metric(after, "loss");
    QVERIFY(losses.size() == 24 && losses.back().value < 0.5 * losses.front().value);
    QVERIFY(fs::exists(adapterFolder(after) / "adapter_model.safetensors"));
    NewRun like;
    like.params = after.summary.params;
    like.datasetSha256 = after.datasetSha256;
    like.modelSha256 = after.modelSha256;
    QCOMPARE(runs.matchingBaseline(like), std::optional(kBaseline));
    QVERIFY(diff(recordedOf(runs, kTrained), recordedOf(runs, kStopped)).empty());

    const Comparison comparison = compare(runs, {kBaseline, kTrained});
    QVERIFY(comparison.runs.front().experiment && comparison.runs.back().experiment);
    QCOMPARE(comparison.rows.size(), std::size_t(18));
    QVERIFY(comparison.settings.empty()); // the same experiment
    QVERIFY(*after.summary.measured["test_loss"] < *before.summary.measured["test_loss"]);
}

void TestVersions::resumesWhatVersion01Stopped_data() {
    QTest::addColumn<QString>("version");
    QTest::newRow("this version") << QStringLiteral("this");
    QTest::newRow("one with another setting") << QStringLiteral("setting");
    QTest::newRow("one with other defaults") << QStringLiteral("defaults");
}

void TestVersions::resumesWhatVersion01Stopped() {
    QFETCH(QString, version);
    std::optional<OtherSettings> later;
    Experiment defaults;
    defaults.lora.dropout = 0.3;
    defaults.train.schedule = "constant";
    defaults.evaluate.unanswered = "neutral";
    if (version == QStringLiteral("setting")) later.emplace(withMood(), defaultExperiment());
    if (version == QStringLiteral("defaults")) later.emplace(experimentFields(), defaults);

    Runs runs(runsFile());
    const std::int64_t stoppedAt = runs.detail(kStopped).summary.step;
    QVERIFY(stoppedAt > 0 && stoppedAt < 24);
    Heard heard;
    const Outcome outcome = train({recordedOf(runs, kStopped), kStopped}, runs, heard.sink(), {});
    QVERIFY2(std::holds_alternative<Done>(outcome), said(outcome));
    QCOMPARE(heard.all<StepEvent>().front().step, stoppedAt + 1);
    const RunDetail resumed = runs.detail(kStopped), whole = runs.detail(kTrained);
    QVERIFY(resumed.summary.state == RunState::Done);
    // Version 0.1's figures on its machine; another processor's sums differ in the last bits.
    for (const char* name : {"loss", "lr", "grad_norm", "eval_loss", "eval_accuracy"}) {
        const auto &left = *metric(resumed, name), &right = *metric(whole, name);
        QCOMPARE(left.size(), right.size());
        for (std::size_t i = 0; i < left.size(); ++i) {
            QCOMPARE(left[i].step, right[i].step);
            const double difference = std::abs(left[i].value - right[i].value);
            QVERIFY2(difference <= 1e-4 * std::abs(right[i].value),
                     qPrintable(QStringLiteral("%1 of step %2: %3").arg(QLatin1String(name)).arg(left[i].step).arg(difference)));
        }
    }
    QCOMPARE(resumed.report->confusion, whole.report->confusion);
}

void TestVersions::version01sCheckpointKeepsItsSettings() {
    Runs runs(runsFile());
    Experiment other = recordedOf(runs, kStopped);
    other.lora.alpha = 8;
    const Outcome outcome = train({other, kStopped}, runs, {}, {});
    QVERIFY2(said(outcome).contains("lora.alpha (4, now 8)"), said(outcome));
    // The sum in the file is over what the run recorded, whatever is asked for.
    Params recorded = runs.detail(kStopped).summary.params;
    const QByteArray state = QByteArray::fromStdString(bytesOf(runs.detail(kStopped).artifacts.front().path / "state.json"));
    QVERIFY(state.contains(QByteArray::fromStdString(fingerprintOfFormat1(recorded))));
    for (auto& [key, value] : recorded)
        if (key == "train.seed") value = "1";
    QVERIFY(!state.contains(QByteArray::fromStdString(fingerprintOfFormat1(recorded))));
}

RunId TestVersions::stoppedRun(Runs& runs, const Experiment& experiment) const {
    std::stop_source stop;
    Heard heard;
    heard.then = [&](const Event& event) {
        if (std::holds_alternative<StepEvent>(event)) stop.request_stop();
    };
    const Outcome outcome = train({experiment, {}}, runs, heard.sink(), stop.get_token());
    return std::holds_alternative<Stopped>(outcome) ? std::get<Stopped>(outcome).run : 0;
}

void TestVersions::ownRunIsResumedByALaterVersion_data() {
    QTest::addColumn<QString>("version");
    QTest::newRow("another setting") << QStringLiteral("setting");
    QTest::newRow("another setting, and its run stopped again") << QStringLiteral("twice");
    QTest::newRow("other defaults") << QStringLiteral("defaults");
}

void TestVersions::ownRunIsResumedByALaterVersion() {
    QFETCH(QString, version);
    Runs runs(runsFile());
    const RunId run = stoppedRun(runs, tinyExperiment(m_model, m_csv));
    QVERIFY(run > 0);
    Experiment defaults;
    defaults.train.weight_decay = 0.5;
    const OtherSettings later(version == QStringLiteral("defaults") ? experimentFields() : withMood(), defaults);
    const Experiment recorded = parseRecorded(runs.detail(run).experimentYaml, "Run");
    if (version != QStringLiteral("defaults")) QCOMPARE(experimentField("train.mood").get(recorded), std::string("calm"));
    QCOMPARE(recorded.train.weight_decay, 0.001);
    if (version == QStringLiteral("twice")) {
        std::stop_source stop;
        Heard heard;
        heard.then = [&](const Event& event) {
            if (std::holds_alternative<StepEvent>(event)) stop.request_stop();
        };
        const Outcome again = train({recorded, run}, runs, heard.sink(), stop.get_token());
        QVERIFY2(std::holds_alternative<Stopped>(again), said(again));
        QVERIFY(bytesOf(std::get<Stopped>(again).checkpoint / "state.json").find("\"train.mood\": \"calm\"") !=
                std::string::npos);
    }
    const Outcome outcome = train({recorded, run}, runs, {}, {});
    QVERIFY2(std::holds_alternative<Done>(outcome), said(outcome));
}

void TestVersions::laterVersionsRunIsRefusedInWords() {
    Runs runs(runsFile());
    RunId run = 0;
    {
        const OtherSettings later(withMood(), {});
        Experiment wild = tinyExperiment(m_model, m_csv);
        applySetting(wild, "train.mood=wild");
        run = stoppedRun(runs, wild);
        QVERIFY(run > 0);
        const Outcome outcome = train({tinyExperiment(m_model, m_csv), run}, runs, {}, {}); // not calm either: its folder is not
        QVERIFY2(!std::holds_alternative<Failed>(outcome), said(outcome));
    }
    try {
        (void)parseRecorded(runs.detail(run).experimentYaml, "Run 4");
        QFAIL("not refused");
    } catch (const Error& error) {
        QCOMPARE(QByteArray(error.what()), QByteArray("Run 4 was recorded by a newer Phibench: this one does not know its "
                                                      "train.mood. Use that version for it."));
    }
}

void TestVersions::checkpointsCompareByKey() {
    const Params now{{"lora.r", "16"}, {"train.seed", "0"}};
    QCOMPARE(differenceOfSettings({{"train.seed", "0"}, {"lora.r", "16"}}, now), std::string());
    QCOMPARE(differenceOfSettings({{"train.seed", "0"}, {"lora.r", "8"}}, now),
             std::string("belongs to a training with other settings: lora.r (8, now 16)"));
    QCOMPARE(differenceOfSettings({{"train.seed", "0"}, {"lora.r", "16"}, {"lora.zeal", "1"}}, now),
             std::string("was written by a newer Phibench, whose lora.zeal this one does not know"));
    QCOMPARE(differenceOfSettings({{"train.seed", "0"}}, now),
             std::string("belongs to a training with other settings: lora.r (not recorded, now 16)"));
    // A setting that decides the training no longer is no difference.
    QCOMPARE(differenceOfSettings({{"train.seed", "0"}, {"lora.r", "16"}, {"name", "a"}}, now), std::string());
    const OtherSettings later(withMood(), {});
    QCOMPARE(differenceOfSettings(now, {{"lora.r", "16"}, {"train.mood", "calm"}}), std::string());
    QCOMPARE(differenceOfSettings(now, {{"lora.r", "16"}, {"train.mood", "wild"}}),
             std::string("belongs to a training with other settings: train.mood (calm, now wild)"));
}

void TestVersions::baselinesMatchOverVersions() {
    Runs runs(runsFile());
    const RunDetail trained = runs.detail(kTrained);
    NewRun like;
    like.params = trained.summary.params;
    like.datasetSha256 = trained.datasetSha256;
    like.modelSha256 = trained.modelSha256;
    like.params.emplace_back("evaluate.zeal", "1");
    QVERIFY(!runs.matchingBaseline(like)); // who knows what a newer version's setting means
    like.params.pop_back();

    const OtherSettings later(withMood(Decides::Evaluation), {});
    QCOMPARE(runs.matchingBaseline(like), std::optional(kBaseline));
    like.params.emplace_back("train.mood", "calm");
    QCOMPARE(runs.matchingBaseline(like), std::optional(kBaseline));
    like.params.back().second = "wild";
    QVERIFY(!runs.matchingBaseline(like));
    QCOMPARE(runs.list().back().params.back(), (std::pair<std::string, std::string>("train.mood", "calm")));
    QCOMPARE(runs.detail(kTrained).summary.params.back(), (std::pair<std::string, std::string>("train.mood", "calm")));
}

void TestVersions::damagedRecords() {
    std::string yaml = toYaml(Experiment{});
    yaml.erase(yaml.find("  alpha: 16\n"), 12);
    try {
        (void)parseRecorded(yaml, "Run 7");
        QFAIL("not refused");
    } catch (const Error& error) {
        QCOMPARE(QByteArray(error.what()),
                 QByteArray("The record of Run 7 is damaged: it lacks lora.alpha. Start a new run instead."));
    }
}

QTEST_APPLESS_MAIN(TestVersions)
#include "tst_versions.moc"
