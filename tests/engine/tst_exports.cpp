// links: engine engine_core test_support SQLiteCpp
// SPDX-License-Identifier: GPL-3.0-or-later
// The exporters' list: what each writes of a run, what none leaves behind, and models that are scored again once written.
#include "engine/exports.h"
#include "engine/exports/event_file.h"
#include "engine/exports/merge_source.h"
#include "engine/jobs.h"
#include "engine/jobs/rescore.h"
#include "engine/text/tokenizer.h"
#include "engine/weights/safetensors.h"
#include "tests/support/some_runs.h"
#include "tests/support/tiny_data.h"
#include "tests/support/tiny_model.h"

#include <QTemporaryDir>
#include <QTest>
#include <cstring>
#include <set>

using namespace engine;
using namespace testing_support;
namespace fs = std::filesystem;

namespace {

std::set<std::string> namesIn(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
    return names;
}

std::string said(const Exported& done) {
    std::string all;
    for (const std::string& note : done.notes) all += note + "\n";
    return all;
}

std::optional<Exported::Fact> fact(const Exported& done, const std::string& name) {
    for (const auto& [key, value] : done.facts)
        if (key == name) return value;
    return {};
}

/// The payloads of an event file, each of whose sums is right.
std::vector<std::string> records(const std::string& bytes) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at < bytes.size();) {
        std::uint64_t size = 0;
        std::uint32_t sizeSum = 0, sum = 0;
        std::memcpy(&size, bytes.data() + at, 8);
        std::memcpy(&sizeSum, bytes.data() + at + 8, 4);
        if (sizeSum != maskedCrc32c(bytes.substr(at, 8)) || at + 16 + size > bytes.size()) return {};
        std::memcpy(&sum, bytes.data() + at + 12 + size, 4);
        all.push_back(bytes.substr(at + 12, size));
        if (sum != maskedCrc32c(all.back())) return {};
        at += 16 + size;
    }
    return all;
}

/// The head's bias is -40 for the tokens that this label alone has, and 0 for all others.
void banish(const fs::path& model, const std::string& label) {
    const Tokenizer tokenizer = Tokenizer::fromFolder(model);
    std::set<std::int32_t> own;
    for (const std::int32_t id : tokenizer.encode(" " + label)) own.insert(id);
    for (const std::string& other : tinyLabels())
        if (other != label)
            for (const std::int32_t id : tokenizer.encode(" " + other)) own.erase(id);
    {
        const SafetensorsFile file(model / "model.safetensors");
        std::vector<TensorView> tensors = file.tensors();
        std::vector<float> bias;
        for (TensorView& tensor : tensors) {
            if (tensor.name != "lm_head.bias") continue;
            bias.assign(static_cast<std::size_t>(tensor.count()), 0);
            for (const std::int32_t id : own) bias[static_cast<std::size_t>(id)] = -40;
            tensor.bytes = std::as_bytes(std::span(bias));
        }
        writeSafetensors(model / "changed", tensors, {{"format", "pt"}});
    }
    fs::rename(model / "changed", model / "model.safetensors");
}

} // namespace

class TestExports : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void initTestCase();
    void init();
    void theList();
    void choices();
    void eventFile();
    void tensorboard();
    void mlflow();
    void mlflowTakesOnlyItsOwn();
    void leavesWhatIsThere_data();
    void leavesWhatIsThere();
    void replacesAFileWhereThatIsChosen();
    void namesAreGiven();
    void mergedIsScoredAgain();
    void anotherModelStaysUnverified();
    void disagreements_data();
    void disagreements();
    void coarseModels();
    void withoutTheData();
    void stoppedInMidScoring();
    void theBaseChanged();

private:
    Exported exported(const Exporter& exporter, const fs::path& out, const Sink& sink = {}, std::stop_token stop = {}) const {
        return exportRun(exporter, *m_runs, m_run, out, {}, sink, std::move(stop));
    }
    Exported exported(const char* format, const fs::path& out) const { return exported(exporterNamed(exporters(), format), out); }
    fs::path root() const { return m_case->path().toStdString(); }
    /// Merges, but into a model that never gives this label.
    Exporter without(const std::string& label, Fidelity fidelity = Fidelity::Labels) const;

    QTemporaryDir m_dir;
    std::unique_ptr<QTemporaryDir> m_case;
    std::unique_ptr<Runs> m_runs;
    fs::path m_model, m_csv;
    RunId m_run = 0;
};

void TestExports::initTestCase() {
    const fs::path home = m_dir.path().toStdString();
    TinyModelOptions options;
    options.family = "phi"; // whose head has a bias; it answers with the shortest label
    options.heads = 2;
    m_model = writeTinyModel(home / "tiny", options);
    m_csv = writeTinyCsv(home / "rows.csv");
    m_runs = std::make_unique<Runs>(home / "runs.db");
    Experiment experiment = tinyExperiment(m_model, m_csv);
    experiment.train.epochs = 1;
    experiment.train.learning_rate = 1e-4; // and so it stays
    const Outcome outcome = train({experiment, {}}, *m_runs, {}, {});
    QVERIFY(std::holds_alternative<Done>(outcome));
    m_run = std::get<Done>(outcome).run;
}

void TestExports::init() {
    m_case = std::make_unique<QTemporaryDir>();
}

Exporter TestExports::without(const std::string& label, Fidelity fidelity) const {
    const Exporter real = exporterNamed(exporters(), "safetensors");
    Exporter wrong = real;
    wrong.write = [real, label, fidelity](const ExportRequest& request, const Sink& sink, std::stop_token stop) {
        Exported done = real.write(request, sink, std::move(stop));
        banish(request.out, label);
        done.fidelity = fidelity;
        return done;
    };
    return wrong;
}

void TestExports::theList() {
    std::set<std::string> keys;
    for (const Exporter& exporter : exporters()) {
        QVERIFY2(keys.insert(exporter.key).second, exporter.key.c_str());
        QVERIFY(!exporter.title.empty() && !exporter.help.empty() && !exporter.suffix.empty() && exporter.write);
        QVERIFY(exportName(exporter, 3).starts_with("run-3"));
        for (const ExportOption& option : exporter.options) QVERIFY(!option.values.empty() && !option.help.empty());
        QCOMPARE(&exporterNamed(exporters(), exporter.key), &exporter);
    }
    const Problem unknown = problemOf([] { exporterNamed(exporters(), "docx"); });
    QVERIFY(unknown.code == ErrorCode::BadInput);
    for (const std::string& key : keys) QVERIFY2(unknown.message.find(key) != std::string::npos, unknown.message.c_str());
    // What a run has not.
    const RunId bare = m_runs->begin(newRun());
    for (const Exporter& exporter : exporters()) {
        const Problem problem = problemOf([&] { exportRun(exporter, *m_runs, bare, root() / exporter.key, {}, {}, {}); });
        const bool lacks = exporter.needs.adapter || exporter.needs.predictions;
        QCOMPARE(!problem.message.empty(), lacks);
        QCOMPARE(fs::exists(root() / exporter.key), !lacks);
        if (lacks) QVERIFY2(problem.message.find("Run " + std::to_string(bare)) != std::string::npos, problem.message.c_str());
    }
    m_runs->finish(bare, RunState::Failed, "for a test");
    m_runs->remove(bare);
}

void TestExports::choices() {
    Exporter exporter = exporterNamed(exporters(), "csv");
    exporter.options = {{"size", "Size", "how large", {"small", "large"}}};
    std::string chosen;
    exporter.write = [&](const ExportRequest& request, const Sink&, std::stop_token) {
        chosen = request.choice("size");
        return Exported{request.out, {}, {}};
    };
    const auto with = [&](const ExportChoices& given) { exportRun(exporter, *m_runs, m_run, root() / "x/", given, {}, {}); };
    with({});
    QCOMPARE(chosen, std::string("small"));
    with({{"size", "large"}});
    QCOMPARE(chosen, std::string("large"));
    const Problem value = problemOf([&] { with({{"size", "huge"}}); });
    QVERIFY2(value.code == ErrorCode::BadInput && value.message.find("small, large") != std::string::npos, value.message.c_str());
    const Problem key = problemOf([&] { with({{"colour", "red"}}); });
    QVERIFY2(key.code == ErrorCode::BadInput && key.message.find("colour") != std::string::npos, key.message.c_str());
}

void TestExports::eventFile() {
    QCOMPARE(crc32c("123456789"), 0xE3069283u);
    QCOMPARE(maskedCrc32c("123456789"), 0xC78AB0E5u);
    EventFile file(2.0);
    file.scalar(3.0, 300, "loss", 0.5f);
    const std::vector<std::string> events = records(file.bytes());
    QCOMPARE(events.size(), std::size_t{2});
    QCOMPARE(QByteArray::fromStdString(events[0]).toHex(),
             QByteArray("0900000000000000401a") + "0d" + QByteArray("brain.Event:2").toHex());
    // wall_time 3.0, step 300, summary{value{tag "loss", simple_value 0.5}}
    QCOMPARE(QByteArray::fromStdString(events[1]).toHex(), QByteArray("0900000000000008401"
                                                                      "0ac022a0d0a0b0a046c6f7373150000003f"));
}

void TestExports::tensorboard() {
    const Exported done = exported("tensorboard", root() / "log/");
    QCOMPARE(done.path, root() / "log");
    const std::set<std::string> files = namesIn(done.path);
    QCOMPARE(files.size(), std::size_t{1});
    QVERIFY(files.begin()->starts_with("events.out.tfevents."));
    const std::vector<std::string> events = records(bytesOf(done.path / *files.begin()));
    std::int64_t points = 0;
    for (const auto& [name, all] : m_runs->detail(m_run).metrics) points += static_cast<std::int64_t>(all.size());
    const auto values = std::get<std::int64_t>(*fact(done, "values"));
    QVERIFY(values > points); // and the measures of the whole run
    QCOMPARE(static_cast<std::int64_t>(events.size()), values + 2);
    QVERIFY(events[1].find("| lora.r | ") != std::string::npos);
    QVERIFY(said(done).find("tensorboard --logdir " + done.path.string()) != std::string::npos);
    const Problem again = problemOf([&] { exported("tensorboard", root() / "log"); });
    QVERIFY(again.code == ErrorCode::BadInput && again.message.find("there already") != std::string::npos);
}

void TestExports::mlflow() {
    const fs::path store = root() / "runs of mine";
    const Exported done = exported("mlflow", store);
    QVERIFY(said(done).find("mlflow migrate-filestore --source") != std::string::npos);
    QVERIFY(said(done).find("MLFLOW_ALLOW_FILE_STORE=true") != std::string::npos);
    const fs::path experiment = store / std::get<std::string>(*fact(done, "experiment_id"));
    const fs::path run = experiment / std::get<std::string>(*fact(done, "run_id"));
    QVERIFY(bytesOf(experiment / "meta.yaml").find("name: Phibench\n") != std::string::npos);
    const std::string meta = bytesOf(run / "meta.yaml");
    QVERIFY2(meta.find("status: 3\n") != std::string::npos && meta.find("/runs%20of%20mine/") != std::string::npos, meta.c_str());
    const RunDetail detail = m_runs->detail(m_run);
    QCOMPARE(namesIn(run / "params").size(), detail.summary.params.size());
    for (const auto& [key, value] : detail.summary.params) QCOMPARE(bytesOf(run / "params" / key), value);
    for (const auto& [name, points] : detail.metrics) {
        const std::string lines = bytesOf(run / "metrics" / name);
        QCOMPARE(std::count(lines.begin(), lines.end(), '\n'), std::ssize(points));
    }
    QVERIFY(fs::exists(run / "metrics" / "accuracy"));
    QCOMPARE(bytesOf(run / "tags" / "mlflow.runName"), detail.summary.name);
    QCOMPARE(bytesOf(run / "artifacts" / "experiment.yaml"), detail.experimentYaml);

    // Another run comes beside it, the same one does not come twice.
    const RunId other = m_runs->begin(newRun("other"));
    exportRun(exporterNamed(exporters(), "mlflow"), *m_runs, other, store, {}, {}, {});
    QCOMPARE(namesIn(experiment).size(), std::size_t{3});
    m_runs->finish(other, RunState::Failed, "for a test");
    m_runs->remove(other);
    const Problem again = problemOf([&] { exported("mlflow", store); });
    QVERIFY2(again.code == ErrorCode::BadInput && again.message.find("there already") != std::string::npos,
             again.message.c_str());
    QCOMPARE(namesIn(experiment).size(), std::size_t{3});
}

void TestExports::mlflowTakesOnlyItsOwn() {
    fs::create_directory(root() / "home");
    writeBytes(root() / "home" / "letter", "mine");
    const Problem foreign = problemOf([&] { exported("mlflow", root() / "home"); });
    QVERIFY2(foreign.code == ErrorCode::BadInput && foreign.message.find("no file store") != std::string::npos,
             foreign.message.c_str());
    QCOMPARE(namesIn(root() / "home"), std::set<std::string>{"letter"});
    fs::create_directory(root() / "empty");
    exported("mlflow", root() / "empty");
    QCOMPARE(namesIn(root() / "empty").size(), std::size_t{1});
    QVERIFY(problemOf([&] { exported("mlflow", root() / "home" / "letter"); }).code == ErrorCode::BadInput);
}

void TestExports::leavesWhatIsThere_data() {
    QTest::addColumn<QString>("format");
    for (const Exporter& exporter : exporters()) QTest::newRow(exporter.key.c_str()) << QString::fromStdString(exporter.key);
}

void TestExports::leavesWhatIsThere() {
    QFETCH(QString, format);
    const std::string key = format.toStdString(), file = "mine." + key;
    fs::create_directory(root() / "full");
    writeBytes(root() / "full" / "precious", "mine");
    fs::create_directory(root() / "empty");
    writeBytes(root() / file, "mine");
    for (const fs::path& out : {root() / "full/", root() / file}) {
        const Problem taken = problemOf([&] { exported(key.c_str(), out); });
        QVERIFY2(taken.code == ErrorCode::BadInput && (taken.message.find("there already") != std::string::npos ||
                                                       taken.message.find("is a folder, but") != std::string::npos),
                 taken.message.c_str());
    }
    const bool asFile = exporterNamed(exporters(), key).makes == Makes::File;
    if (asFile) {
        const Problem folder = problemOf([&] { exported(key.c_str(), root() / "empty"); });
        QVERIFY2(folder.code == ErrorCode::BadInput && folder.message.find("is a folder, but") != std::string::npos,
                 folder.message.c_str());
    } else {
        QCOMPARE(exported(key.c_str(), root() / "empty/").path, root() / "empty");
    }
    QCOMPARE(fs::is_empty(root() / "empty"), asFile);
    QCOMPARE(namesIn(root()), (std::set<std::string>{"empty", "full", file}));
    QCOMPARE(namesIn(root() / "full"), std::set<std::string>{"precious"});
    QCOMPARE(bytesOf(root() / file), std::string("mine"));
}

void TestExports::replacesAFileWhereThatIsChosen() {
    const auto replaced = [&](const char* format, const fs::path& out) {
        exportRun(exporterNamed(exporters(), format), *m_runs, m_run, out, {{kExisting, kReplace}}, {}, {});
    };
    for (const char* format : {"csv", "html", "gguf"}) {
        const fs::path file = root() / ("mine." + std::string(format));
        writeBytes(file, "mine");
        replaced(format, file);
        QVERIFY(fs::file_size(file) > 4);
    }
    fs::create_directories(root() / "full" / "something");
    // A folder never is, nor a file by one.
    writeBytes(root() / "plain", "mine");
    for (const char* format : {"csv", "html", "gguf", "peft"})
        QVERIFY(problemOf([&] { replaced(format, root() / "full"); }).code == ErrorCode::BadInput);
    for (const char* format : {"csv", "peft"})
        QVERIFY(problemOf([&] { replaced(format, root() / "plain"); }).code == ErrorCode::BadInput);
    QCOMPARE(bytesOf(root() / "plain"), std::string("mine"));
}

void TestExports::namesAreGiven() {
    for (const Exporter& exporter : exporters()) {
        const Problem problem = problemOf([&] { exported(exporter, {}); });
        QVERIFY(problem.code == ErrorCode::BadInput);
        QVERIFY2(problem.message.starts_with("--out is empty."), problem.message.c_str());
    }
}

void TestExports::mergedIsScoredAgain() {
    const Exported done = exported("safetensors", root() / "merged");
    QVERIFY2(said(done).find("Scored again on 30 test rows: 30 labels are the same") != std::string::npos, said(done).c_str());
    QCOMPARE(std::get<bool>(*fact(done, "verified")), true);
    QCOMPARE(std::get<std::int64_t>(*fact(done, "labels_equal")), std::int64_t{30});
    QVERIFY(std::get<double>(*fact(done, "largest_probability_change")) < 1e-4);
    QCOMPARE(std::get<double>(*fact(done, "accuracy_before")), m_runs->detail(m_run).report->accuracy);
    QCOMPARE(namesIn(root()), std::set<std::string>{"merged"});
    QVERIFY(fs::exists(done.path / "config.json"));
}

void TestExports::anotherModelStaysUnverified() {
    const Exporter wrong = without("positive");
    const Problem problem = problemOf([&] { exported(wrong, root() / "merged"); });
    QVERIFY2(problem.code == ErrorCode::Internal &&
                 problem.message.find("gives 30 of 30 test rows another label") != std::string::npos &&
                 problem.message.find("merged.unverified") != std::string::npos,
             problem.message.c_str());
    QCOMPARE(namesIn(root()), std::set<std::string>{"merged.unverified"});
    // It is not written over.
    const Problem again = problemOf([&] { exported("safetensors", root() / "merged"); });
    QVERIFY(again.code == ErrorCode::BadInput && again.message.find("merged.unverified is there already") != std::string::npos);
    // Nor does what cannot be loaded get its name.
    Exporter broken = wrong;
    broken.write = [](const ExportRequest& request, const Sink&, std::stop_token) {
        fs::create_directory(request.out);
        return Exported{request.out, {}, {}};
    };
    QVERIFY(!problemOf([&] { exported(broken, root() / "broken"); }).message.empty());
    QVERIFY(!fs::exists(root() / "broken"));
}

void TestExports::disagreements_data() {
    QTest::addColumn<bool>("coarse");
    QTest::addColumn<double>("after");
    QTest::addColumn<int>("different");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, bool coarse, double after, int different, const char* says) {
        QTest::newRow(name) << coarse << after << different << QString::fromUtf8(says);
    };
    row("the same", false, 0.845, 0, "");
    row("less accurate where it was not clear", false, 0.7, 0, "");
    row("one clear label", false, 0.845, 1, "gives 1 of 200 test rows another label");
    row("many", false, 0.845, 7, "(records 3, 4, 5, 6, 7, …)");
    row("coarse, other labels", true, 0.83, 40, "");
    row("coarse, ten points", true, 0.745, 40, "");
    row("coarse, more", true, 0.74, 40, "is right in 74.0 % of 200 test rows, the run's adapter on its base in 84.5 %");
    row("coarse, better", true, 0.99, 40, "");
}

void TestExports::disagreements() {
    QFETCH(bool, coarse);
    QFETCH(double, after);
    QFETCH(int, different);
    QFETCH(QString, says);
    Rescored found{.rows = 200, .equal = 200 - different, .before = 0.845, .after = after, .different = {}};
    for (int i = 0; i < different; ++i) found.different.push_back(3 + i);
    const std::string said = disagreement(found, coarse ? Fidelity::Accuracy : Fidelity::Labels);
    QCOMPARE(said.empty(), says.isEmpty());
    QVERIFY2(QString::fromStdString(said).contains(says), said.c_str());
}

// Every label is another; the accuracy is not.
void TestExports::coarseModels() {
    const Exported done = exported(without("positive", Fidelity::Accuracy), root() / "merged");
    QCOMPARE(std::get<std::int64_t>(*fact(done, "labels_equal")), std::int64_t{0});
    QVERIFY2(said(done).find("Accuracy 33.3 % before, 33.3 % after.") != std::string::npos, said(done).c_str());
    QCOMPARE(namesIn(root()), std::set<std::string>{"merged"});
}

void TestExports::withoutTheData() {
    fs::rename(m_csv, root() / "away.csv");
    const Exported done = exported("safetensors", root() / "merged");
    fs::rename(root() / "away.csv", m_csv);
    QVERIFY2(said(done).find("could not be scored again") != std::string::npos &&
                 said(done).find("rows.csv") != std::string::npos,
             said(done).c_str());
    QCOMPARE(std::get<bool>(*fact(done, "verified")), false);
    QCOMPARE(namesIn(root()), std::set<std::string>{"merged"});
}

void TestExports::stoppedInMidScoring() {
    std::stop_source stop;
    const auto sink = [&](const Event& event) {
        const auto* progress = std::get_if<ProgressEvent>(&event);
        if (progress && progress->stage == Stage::ScoreAgain) stop.request_stop();
    };
    QVERIFY_EXCEPTION_THROWN(exported(exporterNamed(exporters(), "safetensors"), root() / "merged", sink, stop.get_token()),
                             StopRequested);
    QVERIFY(stop.stop_requested());
    QVERIFY(namesIn(root()).empty());
}

void TestExports::theBaseChanged() {
    const std::string config = bytesOf(m_model / "config.json");
    writeBytes(m_model / "config.json", config + "\n");
    const Problem problem = problemOf([&] { exported("safetensors", root() / "merged"); });
    writeBytes(m_model / "config.json", config);
    QVERIFY2(problem.code == ErrorCode::BadInput && problem.message.find("changed since") != std::string::npos,
             problem.message.c_str());
    QVERIFY(namesIn(root()).empty());
}

QTEST_APPLESS_MAIN(TestExports)
#include "tst_exports.moc"
