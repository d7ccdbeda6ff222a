// SPDX-License-Identifier: GPL-3.0-or-later
// The settings as a form, made from engine::experimentFields(): the usual ones, or all.
#pragma once
#include "ui/document.h"

#include <QWidget>
#include <vector>

class QLabel;
class QVBoxLayout;

namespace ui {

class ExperimentForm : public QWidget {
    Q_OBJECT
public:
    explicit ExperimentForm(Document& document, QWidget* parent = nullptr);
    ~ExperimentForm() override;
    void setAllSettings(bool all);
    bool showsAll() const { return m_all; }
    /// Shows and focuses the editor of this setting; false: it has none here.
    bool reveal(const QString& key);
    /// What stands in an editor but was refused; empty: all is taken.
    QString problem() const;
    /// Below the settings of this group ("model").
    void addToGroup(const QString& group, QWidget* widget);

Q_SIGNALS:
    void problemChanged();

private:
    struct Row {
        const engine::Field* field = nullptr;
        QWidget *line = nullptr, *editor = nullptr;
        QLabel* error = nullptr;
        QString shown, problem; // the document's value when last shown; why the editor's text was refused
    };
    struct Group {
        QString key;
        QLabel* title = nullptr;
        QVBoxLayout* rows = nullptr;
    };

    QWidget* makeEditor(std::size_t row);
    void take(std::size_t row, const QString& text, bool finished);
    void refresh();
    void showProblems();
    void show(Row& row, const QString& value);

    Document& m_document;
    std::vector<Row> m_rows;
    std::vector<Group> m_groups;
    bool m_all = false;
    const Row* m_taking = nullptr; // its change came from its editor: the text stays as it is typed
};

} // namespace ui
