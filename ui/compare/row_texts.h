// SPDX-License-Identifier: GPL-3.0-or-later
// The texts of a run's rows, when the file it read is at hand: the document's, or one loaded for this.
#pragma once
#include "engine/data/table.h"
#include "ui/compare/comparison_text.h"
#include "ui/document.h"

namespace ui {

class RowTexts : public QObject {
    Q_OBJECT
public:
    RowTexts(Backend& backend, Document& document, QObject* parent = nullptr);

    /// Whose rows; changed() follows when that makes a difference.
    void use(const engine::ComparedRun& run);
    bool isAvailable() const { return m_table != nullptr; }
    /// Empty when it is not available.
    QString text(std::int64_t record) const;
    /// The file that load() would read; empty: it is not where it was.
    QString file() const;
    void load();

Q_SIGNALS:
    void changed();

private:
    void find();

    Backend& m_backend;
    Document& m_document;
    std::string m_sha256;
    std::optional<engine::Experiment> m_experiment;
    std::shared_ptr<const engine::Table> m_table, m_loaded;
    std::unique_ptr<engine::Rows> m_rows; // of m_table
    int m_column = -1;
    quint64 m_token = 0;
    bool m_waiting = false;
};

} // namespace ui
