// SPDX-License-Identifier: GPL-3.0-or-later
// Equal columns, so that nothing moves.
#include "ui/facts.h"

#include "ui/elided_label.h"
#include "ui/theme/theme.h"

#include <QHBoxLayout>
#include <QVBoxLayout>

namespace ui {

Facts::Facts(QWidget* parent) : QFrame(parent) {
    setRole(this, "card");
    m_row = new QHBoxLayout(this);
    m_row->setContentsMargins(2 * kGrid, 10, 2 * kGrid, 10);
    m_row->setSpacing(2 * kGrid);
}

void Facts::add(const QString& key, const QString& title, bool large, int stretch) {
    auto* column = new QVBoxLayout;
    column->setSpacing(2);
    auto* name = new ElidedLabel(title);
    setRole(name, "small");
    column->addWidget(name);
    auto* line = new QHBoxLayout;
    line->setSpacing(kGrid);
    Fact fact;
    fact.value = new QLabel(QStringLiteral("–"));
    fact.value->setObjectName(QStringLiteral("fact_") + key);
    fact.value->setTextFormat(Qt::PlainText);
    setRole(fact.value, large ? "figure" : "heading");
    line->addWidget(fact.value);
    fact.note = new ElidedLabel;
    fact.note->setObjectName(QStringLiteral("note_") + key);
    setRole(fact.note, "small");
    if (large) fact.note->setContentsMargins(0, 6, 0, 0); // on the figure's baseline
    line->addWidget(fact.note, 1);
    column->addLayout(line);
    m_row->addLayout(column, stretch);
    for (QWidget* one : {static_cast<QWidget*>(name), static_cast<QWidget*>(fact.value), static_cast<QWidget*>(fact.note)})
        one->show(); // a layout would show it a turn of the event loop later
    m_facts[key] = fact;
}

void Facts::clear() {
    m_facts.clear();
    qDeleteAll(findChildren<QWidget*>(Qt::FindDirectChildrenOnly));
    while (const auto* column = m_row->takeAt(0)) delete column;
}

void Facts::set(const QString& key, const QString& value, const QString& note, const QString& tip) {
    const Fact& fact = m_facts.at(key);
    fact.value->setText(value.isEmpty() ? QStringLiteral("–") : value);
    fact.value->setToolTip(tip);
    static_cast<ElidedLabel*>(fact.note)->setFullText(note);
}

QString Facts::value(const QString& key) const {
    return m_facts.at(key).value->text();
}

QString Facts::note(const QString& key) const {
    return static_cast<ElidedLabel*>(m_facts.at(key).note)->fullText();
}

QLabel* Facts::noteLabel(const QString& key) const {
    return m_facts.at(key).note;
}

} // namespace ui
