// SPDX-License-Identifier: GPL-3.0-or-later
// The experiment being edited and the data it reads: what the Data, Prompt and Train pages share.
#pragma once
#include "engine/data/dataset.h"
#include "ui/backend.h"

#include <QObject>
#include <memory>
#include <optional>

namespace ui {

class Document : public QObject {
    Q_OBJECT
public:
    explicit Document(Backend& backend, QObject* parent = nullptr);

    const engine::Experiment& experiment() const;
    void setExperiment(const engine::Experiment& experiment);
    /// One setting by its key, in YAML spelling; false with `problem` filled when it is refused (the old value stays).
    bool set(const QString& key, const QString& value, QString* problem = nullptr);
    /// Opens a .yaml/.yml experiment or a table (which then replaces data.csv of the current experiment and guesses the columns).
    void open(const QString& path);
    QString filePath() const; // of the YAML; empty: unsaved
    bool save(const QString& path, QString* problem = nullptr);
    bool isModified() const;

    std::shared_ptr<const engine::Table> table() const;    // null: none, or still loading
    const std::optional<engine::Dataset>& dataset() const; // empty while the columns do not give one
    QString dataProblem() const;                           // why there is none
    bool isLoading() const;
    /// Everything that stands in the way of Train: settings, data, split, template. Empty: ready.
    std::vector<engine::Issue> issues() const;

Q_SIGNALS:
    void experimentChanged(); // any setting
    void dataChanged();       // table, dataset or loading state
    void openFailed(const QString& message, const QString& hint);

private:
    void readData();
    void makeDatasetNow();

    struct Impl;
    std::shared_ptr<Impl> m_impl;
};

} // namespace ui
