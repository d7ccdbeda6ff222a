// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps settings, table and dataset in step with one another.
#include "ui/document.h"

#include "engine/data/split.h"
#include "engine/prompt/template.h"
#include "ui/engine_text.h"
#include "ui/prompt/presets.h"

#include <QFileInfo>
#include <QThreadPool>

#include <algorithm>

namespace ui {

using namespace engine;

namespace {

// Making a dataset of fewer rows takes less than a frame; of more it goes to another thread.
constexpr std::size_t kRowsAtOnce = 20'000;
constexpr std::size_t kBytesAtOnce = 8 << 20; // read within a frame

bool sameFile(const Experiment& a, const Experiment& b) {
    return dataPath(a) == dataPath(b) && tableOptions(a.data) == tableOptions(b.data);
}

bool sameColumns(const DataSpec& a, const DataSpec& b) {
    return a.label == b.label && a.text == b.text && a.labels == b.labels;
}

bool sameSplit(const SplitSpec& a, const SplitSpec& b) {
    return a.train_per_label == b.train_per_label && a.test_per_label == b.test_per_label &&
           a.eval_per_label == b.eval_per_label && a.seed == b.seed && a.shuffle_seed == b.shuffle_seed;
}

struct Made {
    std::optional<Dataset> dataset;
    QString problem;
};

Made make(const Table& table, const DataSpec& spec) {
    try {
        return {makeDataset(table, spec), {}};
    } catch (const Error& error) { return {std::nullopt, fromText(error.what())}; } catch (const std::bad_alloc&) {
        return {std::nullopt, QObject::tr("There is too little memory for this table.")};
    }
}

Issue blocking(const char* key, std::string message) {
    return {Severity::Error, key, 0, 0, std::move(message)};
}

} // namespace

struct Document::Impl {
    explicit Impl(Backend& with) : backend(with) {}

    Backend& backend;
    Experiment experiment;
    QString filePath;
    bool modified = false;

    std::shared_ptr<const Table> table;
    std::optional<Dataset> dataset;
    QString dataProblem;
    quint64 token = 0;  // of the table being read; 0: none
    quint64 making = 0; // counts the datasets asked for, so that an older one is dropped
    bool busyMaking = false;

    mutable bool splitChecked = false;
    mutable SplitSpec splitSpec;
    mutable std::string splitProblem;

    std::vector<std::string> defaultLabels; // those that the untouched template names
    bool usesDefaultTemplate() const {
        return filePath.isEmpty() && experiment.prompt.text_template == defaultTemplate(defaultLabels).toStdString();
    }

    QThreadPool pool; // last: waits for its thread before the rest goes
};

Document::Document(Backend& backend, QObject* parent) : QObject(parent), m_impl(std::make_shared<Impl>(backend)) {
    m_impl->experiment.prompt.text_template = defaultTemplate().toStdString();
    connect(&backend, &Backend::tableLoaded, this, [this](quint64 token, const std::shared_ptr<const Table>& table) {
        if (token != m_impl->token) return;
        m_impl->token = 0;
        m_impl->table = table;
        makeDatasetNow();
    });
    connect(&backend, &Backend::tableFailed, this, [this](quint64 token, const QString& message, const QString& hint) {
        if (token != m_impl->token) return;
        m_impl->token = 0;
        m_impl->dataProblem = hint.isEmpty() ? message : message + QLatin1Char(' ') + hint;
        Q_EMIT dataChanged();
        Q_EMIT openFailed(message, hint);
    });
}

const Experiment& Document::experiment() const {
    return m_impl->experiment;
}

void Document::setExperiment(const Experiment& experiment) {
    const Experiment before = std::exchange(m_impl->experiment, experiment);
    m_impl->modified = true;
    if (!sameFile(before, experiment))
        readData();
    else if (!sameColumns(before.data, experiment.data) && m_impl->table)
        makeDatasetNow();
    Q_EMIT experimentChanged();
}

bool Document::set(const QString& key, const QString& value, QString* problem) {
    Experiment changed = m_impl->experiment;
    try {
        experimentField(key.toStdString()).set(changed, value.toStdString());
    } catch (const Error& error) {
        if (problem) *problem = fromText(error.what());
        return false;
    }
    if (problem) problem->clear();
    if (!diff(changed, m_impl->experiment).empty()) setExperiment(changed);
    return true;
}

void Document::open(const QString& path) {
    const QString absolute = QFileInfo(path).absoluteFilePath();
    const QString suffix = QFileInfo(path).suffix().toLower();
    if (suffix == QLatin1String("yaml") || suffix == QLatin1String("yml")) {
        try {
            const Experiment experiment = loadExperiment(toPath(absolute));
            setExperiment(experiment);
        } catch (const Error& error) {
            Q_EMIT openFailed(fromText(error.message()), fromText(error.hint()));
            return;
        }
        m_impl->filePath = absolute;
        m_impl->modified = false;
        Q_EMIT experimentChanged();
        return;
    }
    Experiment changed = m_impl->experiment;
    const bool again = dataPath(changed) == toPath(absolute);
    changed.data.csv = toPath(absolute).string();
    if (!again) {
        changed.data.header = changed.data.encoding = changed.data.delimiter = changed.data.label = changed.data.text = "auto";
        changed.data.labels.clear();
        const std::string before = dataPath(m_impl->experiment).stem().string(); // a name that was taken from the data follows it
        if (changed.name == "untitled" || changed.name == before) changed.name = QFileInfo(path).completeBaseName().toStdString();
        changed.prompt.labels.clear();
    }
    setExperiment(changed);
    if (again) readData(); // the file may have changed
}

QString Document::filePath() const {
    return m_impl->filePath;
}

bool Document::save(const QString& path, QString* problem) {
    Experiment changed = m_impl->experiment;
    const std::filesystem::path directory = toPath(QFileInfo(path).absolutePath());
    if (!changed.data.csv.empty()) { // relative where the data lies with the experiment, so that the folder can be moved
        const auto csv = dataPath(changed), relative = csv.lexically_relative(directory);
        changed.data.csv = (relative.empty() || *relative.begin() == ".." ? csv : relative).string();
    }
    changed.directory = directory;
    try {
        saveExperiment(changed, toPath(path));
    } catch (const Error& error) {
        if (problem) *problem = fromText(error.what());
        return false;
    }
    m_impl->experiment = changed;
    m_impl->filePath = QFileInfo(path).absoluteFilePath();
    m_impl->modified = false;
    Q_EMIT experimentChanged();
    return true;
}

bool Document::isModified() const {
    return m_impl->modified;
}

std::shared_ptr<const Table> Document::table() const {
    return m_impl->table;
}

const std::optional<Dataset>& Document::dataset() const {
    return m_impl->dataset;
}

QString Document::dataProblem() const {
    return m_impl->dataProblem;
}

bool Document::isLoading() const {
    return m_impl->token != 0 || m_impl->busyMaking;
}

std::vector<Issue> Document::issues() const {
    std::vector<Issue> all;
    for (Issue& issue : validate(m_impl->experiment))
        if (issue.severity == Severity::Error && issue.path != "data.csv") all.push_back(std::move(issue));
    if (m_impl->experiment.data.csv.empty()) {
        all.insert(all.begin(), blocking("data.csv", tr("There is no data yet: open a file on the Data page.").toStdString()));
    } else if (isLoading()) {
        all.insert(all.begin(), blocking("data.csv", tr("The data is still being read.").toStdString()));
    } else if (!m_impl->dataset) {
        all.insert(all.begin(), blocking("data.csv", m_impl->dataProblem.toStdString()));
    } else {
        const Dataset& dataset = *m_impl->dataset;
        if (!m_impl->splitChecked || !sameSplit(m_impl->splitSpec, m_impl->experiment.data.split)) {
            m_impl->splitChecked = true;
            m_impl->splitSpec = m_impl->experiment.data.split;
            m_impl->splitProblem.clear();
            try {
                split(dataset, m_impl->splitSpec);
            } catch (const Error& error) { m_impl->splitProblem = error.what(); }
        }
        if (!m_impl->splitProblem.empty()) all.push_back(blocking("data.split", m_impl->splitProblem));
        const auto isTemplate = [](const Issue& issue) { return issue.path.starts_with("prompt"); };
        if (std::none_of(all.begin(), all.end(), isTemplate)) try {
                PromptTemplate(m_impl->experiment.prompt, dataset.labels);
            } catch (const Error& error) { all.push_back(blocking("prompt.template", error.what())); }
    }
    return all;
}

void Document::readData() {
    ++m_impl->making;
    m_impl->busyMaking = false;
    m_impl->table.reset();
    m_impl->dataset.reset();
    m_impl->dataProblem.clear();
    m_impl->splitChecked = false;
    const DataSpec& data = m_impl->experiment.data;
    m_impl->token = data.csv.empty() ? 0 : m_impl->backend.loadTable(fromPath(dataPath(m_impl->experiment)), tableOptions(data));
    Q_EMIT dataChanged();
}

void Document::makeDatasetNow() {
    const quint64 mine = ++m_impl->making;
    m_impl->splitChecked = false;
    const auto take = [this](Made made) {
        m_impl->busyMaking = false;
        m_impl->dataset = std::move(made.dataset);
        m_impl->dataProblem = made.problem;
        if (m_impl->dataset && m_impl->usesDefaultTemplate()) { // name the labels that are now known
            m_impl->experiment.prompt.text_template = defaultTemplate(m_impl->dataset->labels).toStdString();
            m_impl->defaultLabels = m_impl->dataset->labels;
            Q_EMIT experimentChanged();
        }
        Q_EMIT dataChanged();
    };
    const Table& table = *m_impl->table;
    if (table.rowCount <= kRowsAtOnce && table.bytes <= kBytesAtOnce) return take(make(table, m_impl->experiment.data));
    m_impl->busyMaking = true;
    m_impl->dataset.reset();
    Q_EMIT dataChanged();
    m_impl->pool.start([this, mine, take, table = m_impl->table, spec = m_impl->experiment.data] {
        auto made = std::make_shared<Made>(make(*table, spec));
        QMetaObject::invokeMethod(
            this,
            [this, mine, take, made] {
                if (mine == m_impl->making) take(std::move(*made));
            },
            Qt::QueuedConnection);
    });
}

} // namespace ui
