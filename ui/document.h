// SPDX-License-Identifier: GPL-3.0-or-later
// The experiment being edited and the data it reads: what the Data, Prompt and Train pages share.
#pragma once
#include "engine/data/dataset.h"
#include "ui/backend.h"

#include <QObject>
#include <memory>
#include <optional>

class QUndoStack;

namespace ui {

class Document : public QObject {
    Q_OBJECT
public:
    explicit Document(Backend& backend, QObject* parent = nullptr);
    ~Document() override;

    const engine::Experiment& experiment() const;
    /// As one step that can be undone.
    void setExperiment(const engine::Experiment& experiment);
    /// One setting by its key, in YAML spelling; false with `problem` filled when it is refused (the old value stays).
    bool set(const QString& key, const QString& value, QString* problem = nullptr);
    /// The experiment as its file would hold it: the text that it was read from, with what has changed since.
    std::string yaml() const;
    /// The same from such a text, comments and all, as one step that can be undone. Throws engine::Error; nothing is changed
    /// then.
    void setYaml(const std::string& yaml);
    /// What can be undone since it was begun or opened.
    QUndoStack& history();

    /// A new one without a file; nothing of the last is kept.
    void begin();
    void begin(const engine::Experiment& experiment);
    /// The same settings without their file.
    void duplicate();
    /// Opens a .yaml/.yml experiment, or a table: that begins a new experiment whose columns and prompt are guessed, unless this
    /// one has no data yet.
    void open(const QString& path);
    /// Reads another table for this experiment; prompt and settings stay, columns are guessed.
    void useData(const QString& path);
    QString filePath() const; // of the YAML; empty: none yet
    /// Edits the file that was opened, comments and order kept.
    bool save(const QString& path, QString* problem = nullptr);
    bool isModified() const;
    /// Another program has written the file, or it is gone.
    bool isChangedOnDisk() const;
    /// Is there anything that a new experiment has not?
    bool isBlank() const;

    /// What can be come back to after another was opened.
    struct Snapshot {
        engine::Experiment experiment;
        std::string text, savedText;
        QString filePath;
        bool modified = false;
    };
    Snapshot snapshot() const;
    void restore(const Snapshot& snapshot);

    std::shared_ptr<const engine::Table> table() const;    // null: none, or still loading
    const std::optional<engine::Dataset>& dataset() const; // empty while the columns do not give one
    QString dataProblem() const;                           // why there is none
    bool isLoading() const;
    /// Everything that stands in the way of Train: settings, data, split, template. Empty: ready.
    std::vector<engine::Issue> issues() const;
    /// What does not stand in the way and is hardly meant: a prompt that was made for other data.
    std::vector<engine::Issue> doubts() const;

Q_SIGNALS:
    void experimentChanged(); // any setting
    void modifiedChanged();
    void dataChanged(); // table, dataset or loading state
    void openFailed(const QString& message, const QString& hint);

private:
    class Change;
    struct State {
        engine::Experiment experiment;
        std::string text; // the YAML that it is an edition of; may be empty
    };

    void push(State after);
    void apply(const State& state);
    void start(State state, const QString& filePath, std::string savedText);
    void readData();
    void makeDatasetNow();

    struct Impl;
    std::shared_ptr<Impl> m_impl;
};

} // namespace ui
