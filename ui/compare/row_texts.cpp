// SPDX-License-Identifier: GPL-3.0-or-later
// A table is the right one when its sha256 is what the run recorded.
#include "ui/compare/row_texts.h"

#include "ui/engine_text.h"

#include <QFileInfo>

namespace ui {
namespace {

int textColumn(const engine::Table& table, const std::optional<engine::Experiment>& experiment) {
    try {
        if (experiment) return engine::makeDataset(table, experiment->data).textColumn;
    } catch (const engine::Error&) { // columns of another version: guess
    }
    return engine::guessColumns(table).text;
}

} // namespace

RowTexts::RowTexts(Backend& backend, Document& document, QObject* parent)
    : QObject(parent), m_backend(backend), m_document(document) {
    connect(&document, &Document::dataChanged, this, &RowTexts::find);
    connect(&backend, &Backend::tableLoaded, this, [this](quint64 token, const std::shared_ptr<const engine::Table>& table) {
        if (!m_waiting || token != m_token) return;
        m_waiting = false;
        m_loaded = table;
        find();
    });
    connect(&backend, &Backend::tableFailed, this, [this](quint64 token) {
        if (token == m_token) m_waiting = false;
    });
}

void RowTexts::use(const engine::ComparedRun& run) {
    const bool same = run.detail.datasetSha256 == m_sha256 && m_table;
    m_sha256 = run.detail.datasetSha256;
    m_experiment = run.experiment;
    if (!same) find();
}

void RowTexts::find() {
    const auto before = m_table;
    m_rows.reset();
    m_table.reset();
    for (const auto& table : {m_document.table(), m_loaded}) {
        try {
            if (table && !m_sha256.empty() && table->sha256() == m_sha256) m_table = table;
        } catch (const engine::Error&) { // a large file that has changed is another one
        }
    }
    try {
        if (m_table && m_table != before) m_column = textColumn(*m_table, m_experiment);
        if (m_table) m_rows = m_table->rows();
    } catch (const engine::Error&) { m_table.reset(); }
    if (m_table != before) Q_EMIT changed();
}

QString RowTexts::text(std::int64_t record) const {
    if (!m_rows || m_column < 0 || std::size_t(m_column) >= m_table->header.size()) return {};
    try {
        return m_rows->findRecord(record) ? fromText(std::string(m_rows->field(std::size_t(m_column)))) : QString();
    } catch (const engine::Error&) { return {}; }
}

QString RowTexts::file() const {
    if (!m_experiment || m_experiment->data.csv.empty()) return {};
    engine::Experiment there = *m_experiment;
    there.directory = m_document.experiment().directory;
    const QString path = fromPath(engine::dataPath(there));
    return QFileInfo(path).isFile() ? path : QString();
}

void RowTexts::load() {
    const QString path = file();
    if (path.isEmpty() || m_document.isLoading()) return; // the document's own reading goes first
    m_waiting = true;
    m_token = m_backend.loadTable(path, engine::tableOptions(m_experiment->data));
}

} // namespace ui
