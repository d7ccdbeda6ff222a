// SPDX-License-Identifier: GPL-3.0-or-later
// Header over a stack of two: what the page shows, and what it says while it has nothing to show.
#include "ui/page.h"

#include "ui/theme/theme.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QStackedLayout>
#include <QVBoxLayout>

namespace ui {

struct Page::Impl : public QObject {
    explicit Impl(QObject* parent) : QObject(parent) {}
    QLabel* question = nullptr;
    QHBoxLayout* header = nullptr;
    QPushButton* primary = nullptr;
    QStackedLayout* stack = nullptr;
    QWidget* filled = nullptr;
    QVBoxLayout* filledLayout = nullptr;
    QWidget* empty = nullptr;
    QLabel* emptyText = nullptr;
    QPushButton* emptyButton = nullptr;
    std::function<void()> emptyAction;
};

Page::Page(const QString& title, const QString& question, QWidget* parent) : QWidget(parent), m_impl(new Impl(this)) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(3 * kGrid, 2 * kGrid, 3 * kGrid, 2 * kGrid);
    column->setSpacing(2 * kGrid);

    m_impl->header = new QHBoxLayout;
    m_impl->header->setSpacing(2 * kGrid);
    auto* name = new QLabel(title);
    name->setObjectName(QStringLiteral("pageTitle"));
    setRole(name, "title");
    m_impl->question = new QLabel(question);
    m_impl->question->setObjectName(QStringLiteral("pageQuestion"));
    m_impl->question->setTextFormat(Qt::PlainText);
    m_impl->question->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_impl->question->setContentsMargins(0, 5, 0, 0); // on the title's baseline
    setRole(m_impl->question, "muted");
    m_impl->header->addWidget(name);
    m_impl->header->addWidget(m_impl->question, 1);
    auto* headerBox = new QWidget;
    headerBox->setLayout(m_impl->header);
    m_impl->header->setContentsMargins(0, 0, 0, 0);
    headerBox->setFixedHeight(5 * kGrid);
    column->addWidget(headerBox);

    auto* body = new QWidget;
    m_impl->stack = new QStackedLayout(body);
    m_impl->filled = new QWidget;
    m_impl->filledLayout = new QVBoxLayout(m_impl->filled);
    m_impl->filledLayout->setContentsMargins(0, 0, 0, 0);
    m_impl->filledLayout->setSpacing(2 * kGrid);
    m_impl->stack->addWidget(m_impl->filled);
    column->addWidget(body, 1);
}

QPushButton* Page::primaryAction(const QString& text) {
    if (!m_impl->primary) {
        m_impl->primary = new QPushButton;
        m_impl->primary->setObjectName(QStringLiteral("primaryAction"));
        m_impl->primary->setMinimumWidth(12 * kGrid);
        setRole(m_impl->primary, "primary");
        m_impl->header->addWidget(m_impl->primary);
    }
    m_impl->primary->setText(text);
    return m_impl->primary;
}

void Page::setQuestion(const QString& question) {
    m_impl->question->setText(question);
}

void Page::showEmpty(const QString& what, const QString& actionText, std::function<void()> action) {
    if (!m_impl->empty) {
        m_impl->empty = new QWidget;
        auto* column = new QVBoxLayout(m_impl->empty);
        column->setSpacing(2 * kGrid);
        column->addStretch(2);
        m_impl->emptyText = new QLabel;
        m_impl->emptyText->setObjectName(QStringLiteral("emptyText"));
        m_impl->emptyText->setWordWrap(true);
        m_impl->emptyText->setAlignment(Qt::AlignCenter);
        m_impl->emptyText->setFixedWidth(60 * kGrid);
        setRole(m_impl->emptyText, "muted");
        column->addWidget(m_impl->emptyText, 0, Qt::AlignHCenter);
        m_impl->emptyButton = new QPushButton;
        m_impl->emptyButton->setObjectName(QStringLiteral("emptyAction"));
        connect(m_impl->emptyButton, &QPushButton::clicked, this, [this] {
            if (m_impl->emptyAction) m_impl->emptyAction();
        });
        column->addWidget(m_impl->emptyButton, 0, Qt::AlignHCenter);
        column->addStretch(3);
        m_impl->stack->addWidget(m_impl->empty);
    }
    m_impl->emptyText->setText(what);
    m_impl->emptyText->ensurePolished();
    m_impl->emptyText->setMinimumHeight(
        m_impl->emptyText->heightForWidth(60 * kGrid)); // an aligned label is given its hint, not its height
    m_impl->emptyButton->setText(actionText);
    m_impl->emptyButton->setVisible(!actionText.isEmpty());
    m_impl->emptyAction = std::move(action);
    m_impl->stack->setCurrentWidget(m_impl->empty);
}

void Page::showContent() {
    m_impl->stack->setCurrentWidget(m_impl->filled);
}

QVBoxLayout* Page::content() const {
    return m_impl->filledLayout;
}

} // namespace ui
