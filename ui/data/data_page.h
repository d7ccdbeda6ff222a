// SPDX-License-Identifier: GPL-3.0-or-later
// Data: the file, its columns, its labels and what is wrong with it.
#pragma once
#include "ui/backend.h"
#include "ui/document.h"
#include "ui/page.h"

class QComboBox;
class QLabel;
class QStackedLayout;
class QTableView;

namespace ui {

class Card;
class TableModel;
class DropTarget;
class ElidedLabel;
class Facts;
class IssueModel;
class LabelBars;
class LengthBars;

class DataPage : public Page {
    Q_OBJECT
public:
    explicit DataPage(Backend& backend, Document& document, QWidget* parent = nullptr);

Q_SIGNALS:
    /// The page is done with: go on to the prompt.
    void nextRequested();
    /// Ask for a file (the window owns the dialog).
    void openRequested();
    void fileRequested(const QString& path);

private:
    QWidget* buildSettings();
    QWidget* buildTable();
    void refresh();
    void showTable(const engine::Table& table);
    void showDataset();
    void fitIssues();
    void fill(QComboBox* box, const QStringList& names, const QStringList& values, const std::string& current);
    void choose(const char* key, QComboBox* box);
    void showLine(std::int64_t line);

    Document& m_document;
    std::shared_ptr<const engine::Table> m_shown;
    QStackedLayout* m_stack = nullptr;
    DropTarget* m_drop = nullptr;
    ElidedLabel* m_file = nullptr;
    Facts* m_facts = nullptr;
    QComboBox *m_label = nullptr, *m_text = nullptr, *m_header = nullptr, *m_encoding = nullptr, *m_delimiter = nullptr;
    QLabel *m_problem = nullptr, *m_few = nullptr;
    LabelBars* m_labels = nullptr;
    LengthBars* m_lengths = nullptr;
    Card *m_fileCard = nullptr, *m_labelsCard = nullptr, *m_lengthsCard = nullptr, *m_issuesCard = nullptr;
    TableModel* m_rows = nullptr;
    QTableView *m_table = nullptr, *m_issueTable = nullptr;
    IssueModel* m_issues = nullptr;
};

} // namespace ui
