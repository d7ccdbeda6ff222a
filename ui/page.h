// SPDX-License-Identifier: GPL-3.0-or-later
// A page of the window: title, one line saying what it answers, one primary action, and its content.
#pragma once
#include <QWidget>
#include <functional>

class QLabel;
class QPushButton;
class QVBoxLayout;

namespace ui {

class Page : public QWidget {
    Q_OBJECT
public:
    Page(const QString& title, const QString& question, QWidget* parent = nullptr);
    /// The page's one primary button, at the right of its header; made when first asked for.
    QPushButton* primaryAction(const QString& text);
    void setQuestion(const QString& question);
    /// Shown instead of the content: what will be here, and the action that fills it.
    void showEmpty(const QString& what, const QString& actionText, std::function<void()> action);
    void showContent();

protected:
    QVBoxLayout* content() const;

private:
    struct Impl;
    Impl* m_impl;
};

} // namespace ui
