// SPDX-License-Identifier: GPL-3.0-or-later
// An editor a field by its kind; what it refuses is said under it.
#include "ui/train/experiment_form.h"

#include "ui/card.h"
#include "ui/engine_text.h"
#include "ui/theme/theme.h"

#include <QCheckBox>
#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QScrollArea>
#include <QVBoxLayout>

namespace ui {

using namespace engine;

namespace {

QString groupTitle(const QString& key) {
    if (key == QLatin1String("model")) return ExperimentForm::tr("Model");
    if (key == QLatin1String("data")) return ExperimentForm::tr("Data");
    if (key == QLatin1String("lora")) return ExperimentForm::tr("LoRA");
    if (key == QLatin1String("train")) return ExperimentForm::tr("Training");
    if (key == QLatin1String("evaluate")) return ExperimentForm::tr("Evaluation");
    return ExperimentForm::tr("Run");
}

// "[a, b]" is written without its brackets; the engine reads both.
QString bare(const QString& list) {
    return list.startsWith(QLatin1Char('[')) && list.endsWith(QLatin1Char(']')) ? list.mid(1, list.size() - 2) : list;
}

QString tipOf(const Field& field) {
    return QStringLiteral("<p><b>%1</b><br>%2</p><p>%3</p>")
        .arg(fromText(field.title).toHtmlEscaped(), fromText(field.help).toHtmlEscaped(), fromText(field.key).toHtmlEscaped());
}

void markInvalid(QWidget* editor, bool invalid) {
    if (editor->property("invalid").toBool() == invalid) return;
    editor->setProperty("invalid", invalid);
    setRole(editor, editor->property("role").toByteArray().constData());
}

} // namespace

ExperimentForm::ExperimentForm(Document& document, QWidget* parent) : QWidget(parent), m_document(document) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(kGrid);
    m_rows.reserve(experimentFields().size());
    for (const Field& field : experimentFields()) {
        const QString key = fromText(field.key);
        if (key.startsWith(QLatin1String("prompt."))) continue; // has a page of its own
        const QString group = key.contains(QLatin1Char('.')) ? key.section(QLatin1Char('.'), 0, 0) : QString();
        if (m_groups.empty() || m_groups.back().key != group) {
            Group made{group, new QLabel(groupTitle(group)), new QVBoxLayout};
            setRole(made.title, "section");
            made.rows->setSpacing(3);
            made.rows->addWidget(made.title);
            column->addLayout(made.rows);
            m_groups.push_back(made);
        }
        Row row;
        row.field = &field;
        row.line = new QWidget;
        auto* lines = new QVBoxLayout(row.line);
        lines->setContentsMargins(0, 0, 0, 0);
        lines->setSpacing(2);
        auto* line = new QHBoxLayout;
        line->setSpacing(kGrid);
        auto* name = new QLabel(fromText(field.title));
        name->setFixedWidth(17 * kGrid);
        name->setToolTip(tipOf(field));
        row.error = new QLabel;
        row.error->setObjectName(QStringLiteral("error:") + key);
        row.error->setWordWrap(true);
        setRole(row.error, "error");
        row.error->hide();
        m_rows.push_back(row);
        QWidget* editor = makeEditor(m_rows.size() - 1);
        m_rows.back().editor = editor;
        editor->setObjectName(QStringLiteral("edit:") + key);
        editor->setAccessibleName(fromText(field.title));
        editor->setToolTip(tipOf(field));
        if (field.kind != FieldKind::Flag) editor->setFixedHeight(28); // all of the usual settings fit the smallest window
        name->setBuddy(editor);
        line->addWidget(name);
        line->addWidget(editor, 1);
        lines->addLayout(line);
        lines->addWidget(row.error);
        m_groups.back().rows->addWidget(row.line);
    }
    column->addStretch(1);
    connect(&m_document, &Document::experimentChanged, this, &ExperimentForm::refresh);
    connect(&m_document, &Document::dataChanged, this, &ExperimentForm::showProblems);
    setAllSettings(false);
    refresh();
}

ExperimentForm::~ExperimentForm() {
    for (QWidget* editor : findChildren<QWidget*>())
        editor->disconnect(this); // one that dies with the focus says that it is finished
}

void ExperimentForm::setAllSettings(bool all) {
    m_all = all;
    for (Row& row : m_rows) row.line->setVisible(all || !row.field->advanced);
    for (Group& group : m_groups) {
        bool any = false;
        for (const Row& row : m_rows) {
            const QString key = fromText(row.field->key);
            const QString of = key.contains(QLatin1Char('.')) ? key.section(QLatin1Char('.'), 0, 0) : QString();
            any = any || (of == group.key && (all || !row.field->advanced));
        }
        group.title->setVisible(any);
    }
}

bool ExperimentForm::reveal(const QString& key) {
    for (Row& row : m_rows) {
        const QString own = fromText(row.field->key);
        if (own != key && !own.startsWith(key + QLatin1Char('.'))) continue;
        if (row.field->advanced && !m_all) setAllSettings(true);
        row.editor->setFocus(Qt::OtherFocusReason);
        for (QWidget* at = parentWidget(); at; at = at->parentWidget())
            if (auto* area = qobject_cast<QScrollArea*>(at)) area->ensureWidgetVisible(row.editor);
        return true;
    }
    return false;
}

QString ExperimentForm::problem() const {
    for (const Row& row : m_rows)
        if (!row.problem.isEmpty()) return row.problem;
    return {};
}

void ExperimentForm::addToGroup(const QString& key, QWidget* widget) {
    for (Group& group : m_groups)
        if (group.key == key) group.rows->addWidget(widget);
}

QWidget* ExperimentForm::makeEditor(std::size_t i) {
    const Field& field = *m_rows[i].field;
    if (field.kind == FieldKind::Flag) {
        auto* box = new QCheckBox;
        connect(box, &QCheckBox::clicked, this,
                [this, i](bool on) { take(i, on ? QStringLiteral("true") : QStringLiteral("false"), true); });
        return box;
    }
    const auto suggestions = [&](QComboBox* box) {
        for (const std::string& choice : field.choices) box->addItem(fromText(choice));
        box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
        box->setMinimumContentsLength(6);
    };
    if (field.kind == FieldKind::Choice) {
        auto* box = new QComboBox;
        suggestions(box);
        connect(box, &QComboBox::activated, this, [this, i, box] { take(i, box->currentText(), true); });
        return box;
    }
    QLineEdit* line = nullptr;
    QWidget* editor = nullptr;
    if (field.kind == FieldKind::Text && !field.choices.empty()) {
        auto* box = new QComboBox;
        box->setEditable(true);
        box->setInsertPolicy(QComboBox::NoInsert);
        suggestions(box);
        connect(box, &QComboBox::activated, this, [this, i, box] { take(i, box->currentText(), true); });
        line = box->lineEdit();
        editor = box;
    } else {
        editor = line = new QLineEdit;
    }
    connect(line, &QLineEdit::textEdited, this, [this, i](const QString& text) { take(i, text, false); });
    connect(line, &QLineEdit::editingFinished, this, [this, i, line] { take(i, line->text(), true); });
    return editor;
}

void ExperimentForm::take(std::size_t i, const QString& text, bool finished) {
    Row& row = m_rows[i];
    QString problem;
    const bool untouched = text == row.shown || (row.field->kind == FieldKind::TextList && text == bare(row.shown));
    m_taking = &row;
    if (!untouched) m_document.set(fromText(row.field->key), text, &problem);
    m_taking = nullptr;
    row.problem = problem;
    if (problem.isEmpty() || finished) showProblems();
    if (problem.isEmpty() && finished) show(row, fromText(row.field->get(m_document.experiment()))); // as YAML spells it
    Q_EMIT problemChanged();
}

void ExperimentForm::refresh() {
    bool cleared = false;
    for (Row& row : m_rows) {
        const QString value = fromText(row.field->get(m_document.experiment()));
        if (value == row.shown) continue;
        if (&row == m_taking) {
            row.shown = value;
            continue;
        }
        cleared = cleared || !row.problem.isEmpty();
        row.problem.clear();
        show(row, value);
    }
    showProblems();
    if (cleared) Q_EMIT problemChanged();
}

void ExperimentForm::showProblems() {
    const auto issues = m_document.issues();
    for (Row& row : m_rows) {
        QString text = row.problem;
        for (const Issue& issue : issues)
            if (text.isEmpty() && issue.path == row.field->key && issue.path != "data.csv") text = fromText(issue.message);
        row.error->setText(text);
        row.error->setVisible(!text.isEmpty());
        markInvalid(row.editor, !text.isEmpty());
    }
}

void ExperimentForm::show(Row& row, const QString& value) {
    row.shown = value;
    if (auto* check = qobject_cast<QCheckBox*>(row.editor)) {
        check->setChecked(value == QLatin1String("true"));
    } else if (auto* box = qobject_cast<QComboBox*>(row.editor)) {
        if (box->isEditable())
            box->setEditText(value);
        else
            box->setCurrentIndex(box->findText(value));
    } else if (auto* line = qobject_cast<QLineEdit*>(row.editor)) {
        const QString text = row.field->kind == FieldKind::TextList ? bare(value) : value;
        if (line->text() != text) line->setText(text);
        if (!line->hasFocus()) line->setCursorPosition(0);
    }
}

} // namespace ui
