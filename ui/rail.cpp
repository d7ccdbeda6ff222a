// SPDX-License-Identifier: GPL-3.0-or-later
// One button a page; arrow keys go from one to the next.
#include "ui/rail.h"

#include "ui/theme/icons.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

namespace ui {
namespace {

class RailButton : public QPushButton {
public:
    using QPushButton::QPushButton;
    bool busy = false;

protected:
    void paintEvent(QPaintEvent* event) override {
        QPushButton::paintEvent(event);
        if (!busy) return;
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(Theme::instance().color(Token::Accent));
        painter.drawEllipse(QPointF(width() - 16, height() / 2.0), 4, 4);
    }
};

} // namespace

Rail::Rail(QWidget* parent) : QFrame(parent) {
    setRole(this, "rail");
    setFixedWidth(19 * kGrid);
    m_column = new QVBoxLayout(this);
    m_column->setContentsMargins(kGrid + 4, 2 * kGrid, kGrid + 4, 2 * kGrid);
    m_column->setSpacing(4);
    auto* brand = new QHBoxLayout;
    brand->setContentsMargins(10, 0, 0, 0);
    brand->setSpacing(10);
    auto* mark = new QLabel;
    const auto paint = [mark] { mark->setPixmap(icon(QStringLiteral("mark"), Token::Accent).pixmap(20, 20)); };
    paint();
    connect(&Theme::instance(), &Theme::changed, mark, paint);
    auto* name = new QLabel(QStringLiteral("Phibench"));
    name->setFixedHeight(5 * kGrid);
    setRole(name, "heading");
    brand->addWidget(mark);
    brand->addWidget(name, 1);
    m_column->addLayout(brand);
    m_column->addSpacing(2 * kGrid);
    m_column->addStretch(1);
    auto* group = new QButtonGroup(this);
    group->setObjectName(QStringLiteral("railGroup"));
    group->setExclusive(true);
    connect(group, &QButtonGroup::idClicked, this, &Rail::chosen);
}

void Rail::add(const QString& objectName, const QString& text, const QString& picture, const QString& shortcut) {
    auto* button = new RailButton(icon(picture), text);
    button->setObjectName(objectName);
    button->setCheckable(true);
    button->setIconSize({18, 18});
    button->setToolTip(tr("%1 (%2)").arg(text, shortcut));
    setRole(button, "rail");
    m_column->insertWidget(m_column->count() - 1, button);
    findChild<QButtonGroup*>(QStringLiteral("railGroup"))->addButton(button, int(m_buttons.size()));
    m_buttons.push_back(button);
}

void Rail::setCurrent(int index) {
    QPushButton* button = m_buttons[std::size_t(index)];
    button->setChecked(true);
    for (const QPushButton* other : m_buttons)
        if (other != button && other == window()->focusWidget()) button->setFocus(); // the ring goes where the page went
}

void Rail::setBusy(int index, bool busy) {
    auto* button = static_cast<RailButton*>(m_buttons[std::size_t(index)]);
    button->busy = busy;
    button->update();
}

} // namespace ui
