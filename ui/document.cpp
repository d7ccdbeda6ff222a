// SPDX-License-Identifier: GPL-3.0-or-later
// Keeps settings, table and dataset in step with one another.
#include "ui/document.h"

#include "engine/data/split.h"
#include "engine/prompt/doubts.h"
#include "engine/prompt/template.h"
#include "ui/engine_text.h"
#include "ui/prompt/presets.h"

#include <QElapsedTimer>
#include <QFileInfo>
#include <QThreadPool>
#include <QUndoStack>

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

/// One step that can be undone. What is typed into one setting without a pause is one step.
class Document::Change : public QUndoCommand {
public:
    Change(Document& document, State before, State after, QString key)
        : QUndoCommand(key.isEmpty() ? tr("several settings") : fromText(experimentField(key.toStdString()).title)),
          m_document(document), m_before(std::move(before)), m_after(std::move(after)), m_key(std::move(key)) {
        m_since.start();
    }

    void undo() override { m_document.apply(m_before); }
    void redo() override { m_document.apply(m_after); }
    int id() const override { return m_key.isEmpty() ? -1 : 1; }
    bool mergeWith(const QUndoCommand* other) override {
        const auto* next = static_cast<const Change*>(other);
        if (next->m_key != m_key || m_since.elapsed() > kPauseMs) return false;
        m_after = next->m_after;
        m_since.start();
        setObsolete(m_before.text == m_after.text && diff(m_before.experiment, m_after.experiment).empty());
        return true;
    }
    /// What followed from the change by itself belongs to it.
    void add(State after) { m_after = std::move(after); }

private:
    static constexpr qint64 kPauseMs = 1500;

    Document& m_document;
    State m_before, m_after;
    QString m_key; // of the only setting that it changes
    QElapsedTimer m_since;
};

struct Document::Impl {
    explicit Impl(Backend& with) : backend(with) {}

    Backend& backend;
    State state;
    QString filePath;
    std::string savedText; // what the file held when it was read or written
    QUndoStack history;

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
        return filePath.isEmpty() && state.experiment.prompt.text_template == defaultTemplate(defaultLabels).toStdString();
    }

    QThreadPool pool; // last: waits for its thread before the rest goes
};

Document::Document(Backend& backend, QObject* parent) : QObject(parent), m_impl(std::make_shared<Impl>(backend)) {
    m_impl->state.experiment.prompt.text_template = defaultTemplate().toStdString();
    connect(&m_impl->history, &QUndoStack::cleanChanged, this, &Document::modifiedChanged);
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

Document::~Document() {
    m_impl->history.disconnect(this);
}

const Experiment& Document::experiment() const {
    return m_impl->state.experiment;
}

QUndoStack& Document::history() {
    return m_impl->history;
}

std::string Document::yaml() const {
    const State& state = m_impl->state;
    return state.text.empty() ? toYaml(state.experiment) : editedYaml(state.text, state.experiment);
}

void Document::setExperiment(const Experiment& experiment) {
    push({experiment, m_impl->state.text});
}

void Document::setYaml(const std::string& yaml) {
    if (yaml == this->yaml()) return;
    push({parseExperiment(yaml, {}, m_impl->state.experiment.directory), yaml});
}

bool Document::set(const QString& key, const QString& value, QString* problem) {
    Experiment changed = m_impl->state.experiment;
    try {
        experimentField(key.toStdString()).set(changed, value.toStdString());
    } catch (const Error& error) {
        if (problem) *problem = fromText(error.what());
        return false;
    }
    if (problem) problem->clear();
    setExperiment(changed);
    return true;
}

void Document::push(State after) {
    const auto changes = diff(m_impl->state.experiment, after.experiment);
    if (changes.empty() && after.text == m_impl->state.text) return;
    const QString key = changes.size() == 1 ? fromText(changes.front().key) : QString();
    m_impl->history.push(new Change(*this, m_impl->state, std::move(after), key));
}

void Document::apply(const State& state) {
    State after = state;
    const std::filesystem::path directory = m_impl->state.experiment.directory;
    if (after.experiment.directory != directory) { // it was saved elsewhere since
        after.experiment = withAbsolutePaths(after.experiment);
        after.experiment.directory = directory;
    }
    const State before = std::exchange(m_impl->state, std::move(after));
    if (!sameFile(before.experiment, m_impl->state.experiment))
        readData();
    else if (!sameColumns(before.experiment.data, m_impl->state.experiment.data) && m_impl->table)
        makeDatasetNow();
    Q_EMIT experimentChanged();
}

void Document::start(State state, const QString& filePath, std::string savedText) {
    m_impl->history.clear();
    m_impl->filePath = filePath;
    m_impl->savedText = std::move(savedText);
    m_impl->defaultLabels.clear();
    m_impl->state = std::move(state);
    readData();
    Q_EMIT experimentChanged();
    Q_EMIT modifiedChanged();
}

void Document::begin() {
    Experiment blank;
    blank.prompt.text_template = defaultTemplate().toStdString();
    begin(blank);
}

void Document::begin(const Experiment& experiment) {
    start({experiment, {}}, {}, {});
}

void Document::duplicate() {
    State copy = m_impl->state;
    copy.experiment = withAbsolutePaths(copy.experiment);
    copy.experiment.name += tr(" copy").toStdString();
    copy.text = editedYaml(yaml(), copy.experiment);
    start(std::move(copy), {}, {});
    m_impl->history.resetClean();
}

Document::Snapshot Document::snapshot() const {
    return {m_impl->state.experiment, m_impl->state.text, m_impl->savedText, m_impl->filePath, isModified()};
}

void Document::restore(const Snapshot& snapshot) {
    start({snapshot.experiment, snapshot.text}, snapshot.filePath, snapshot.savedText);
    if (snapshot.modified) m_impl->history.resetClean();
}

void Document::open(const QString& path) {
    const QString absolute = QFileInfo(path).absoluteFilePath();
    const QString suffix = QFileInfo(path).suffix().toLower();
    if (suffix == QLatin1String("yaml") || suffix == QLatin1String("yml")) {
        try {
            const std::string text = experimentText(toPath(absolute));
            const Experiment experiment = parseExperiment(text, absolute.toStdString(), toPath(absolute).parent_path());
            start({experiment, text}, absolute, text);
        } catch (const Error& error) { Q_EMIT openFailed(fromText(error.message()), fromText(error.hint())); }
        return;
    }
    const Experiment& now = m_impl->state.experiment;
    if (now.data.csv.empty() || dataPath(now) == toPath(absolute)) return useData(absolute);
    begin();
    useData(absolute);
}

void Document::useData(const QString& path) {
    const bool blank = isBlank();
    const std::filesystem::path file = toPath(QFileInfo(path).absoluteFilePath());
    Experiment changed = m_impl->state.experiment;
    if (dataPath(changed) == file) return readData();             // it may have changed
    const std::string before = dataPath(changed).stem().string(); // a name that was taken from the data follows it
    changed.data.csv = file.string();
    changed.data.header = changed.data.encoding = changed.data.delimiter = changed.data.label = changed.data.text = "auto";
    changed.data.labels.clear();
    if (m_impl->filePath.isEmpty() && (changed.name == "untitled" || changed.name == before))
        changed.name = QFileInfo(path).completeBaseName().toStdString();
    setExperiment(changed);
    if (blank) m_impl->history.clear(); // it only began: there is nothing to lose yet
}

bool Document::isBlank() const {
    return m_impl->filePath.isEmpty() && m_impl->state.experiment.data.csv.empty() && !isModified();
}

QString Document::filePath() const {
    return m_impl->filePath;
}

bool Document::isChangedOnDisk() const {
    if (m_impl->filePath.isEmpty()) return false;
    try {
        return experimentText(toPath(m_impl->filePath)) != m_impl->savedText;
    } catch (const Error&) { return true; }
}

bool Document::save(const QString& path, QString* problem) {
    State saved = m_impl->state;
    const std::filesystem::path directory = toPath(QFileInfo(path).absolutePath());
    const std::filesystem::path csv = saved.experiment.data.csv;
    if (csv.is_absolute()) { // relative where the data lies with the experiment, so that the folder can be moved
        const auto relative = csv.lexically_relative(directory);
        if (!relative.empty() && *relative.begin() != "..") saved.experiment.data.csv = relative.string();
        saved.experiment.directory = directory;
    }
    try {
        saved.text = saveExperiment(saved.experiment, toPath(path), m_impl->state.text);
        saved.experiment = parseExperiment(saved.text, path.toStdString(), directory);
    } catch (const Error& error) {
        if (problem) *problem = fromText(error.what());
        return false;
    }
    m_impl->state = saved;
    m_impl->filePath = QFileInfo(path).absoluteFilePath();
    m_impl->savedText = saved.text;
    m_impl->history.setClean();
    Q_EMIT experimentChanged();
    Q_EMIT modifiedChanged();
    return true;
}

bool Document::isModified() const {
    return !m_impl->history.isClean();
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
    for (Issue& issue : validate(m_impl->state.experiment))
        if (issue.severity == Severity::Error && issue.path != "data.csv") all.push_back(std::move(issue));
    if (m_impl->state.experiment.data.csv.empty()) {
        all.insert(all.begin(), blocking("data.csv", tr("There is no data yet: open a file on the Data page.").toStdString()));
    } else if (isLoading()) {
        all.insert(all.begin(), blocking("data.csv", tr("The data is still being read.").toStdString()));
    } else if (!m_impl->dataset) {
        all.insert(all.begin(), blocking("data.csv", m_impl->dataProblem.toStdString()));
    } else {
        const Dataset& dataset = *m_impl->dataset;
        if (!m_impl->splitChecked || !sameSplit(m_impl->splitSpec, m_impl->state.experiment.data.split)) {
            m_impl->splitChecked = true;
            m_impl->splitSpec = m_impl->state.experiment.data.split;
            m_impl->splitProblem.clear();
            try {
                split(dataset, m_impl->splitSpec);
            } catch (const Error& error) { m_impl->splitProblem = error.what(); }
        }
        if (!m_impl->splitProblem.empty()) all.push_back(blocking("data.split", m_impl->splitProblem));
        const auto isTemplate = [](const Issue& issue) { return issue.path.starts_with("prompt"); };
        if (std::none_of(all.begin(), all.end(), isTemplate)) try {
                PromptTemplate(m_impl->state.experiment.prompt, dataset.labels);
            } catch (const Error& error) { all.push_back(blocking("prompt.template", error.what())); }
    }
    return all;
}

std::vector<Issue> Document::doubts() const {
    return m_impl->dataset && m_impl->table
               ? promptDoubts(m_impl->state.experiment.prompt, *m_impl->dataset, m_impl->table->header)
               : std::vector<Issue>();
}

void Document::readData() {
    ++m_impl->making;
    m_impl->busyMaking = false;
    m_impl->table.reset();
    m_impl->dataset.reset();
    m_impl->dataProblem.clear();
    m_impl->splitChecked = false;
    const DataSpec& data = m_impl->state.experiment.data;
    m_impl->token =
        data.csv.empty() ? 0 : m_impl->backend.loadTable(fromPath(dataPath(m_impl->state.experiment)), tableOptions(data));
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
            m_impl->state.experiment.prompt.text_template = defaultTemplate(m_impl->dataset->labels).toStdString();
            m_impl->defaultLabels = m_impl->dataset->labels;
            QUndoStack& history = m_impl->history;
            if (history.index() > 0) // of one that was undone there is nothing to add to
                const_cast<Change*>(static_cast<const Change*>(history.command(history.index() - 1)))->add(m_impl->state);
            Q_EMIT experimentChanged();
        }
        Q_EMIT dataChanged();
    };
    const Table& table = *m_impl->table;
    if (table.rowCount <= kRowsAtOnce && table.bytes <= kBytesAtOnce) return take(make(table, m_impl->state.experiment.data));
    m_impl->busyMaking = true;
    m_impl->dataset.reset();
    Q_EMIT dataChanged();
    m_impl->pool.start([this, mine, take, table = m_impl->table, spec = m_impl->state.experiment.data] {
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
