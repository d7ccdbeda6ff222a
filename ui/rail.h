// SPDX-License-Identifier: GPL-3.0-or-later
// The pages' names at the left of the window.
#pragma once
#include <QFrame>
#include <vector>

class QPushButton;
class QVBoxLayout;

namespace ui {

class Rail : public QFrame {
    Q_OBJECT
public:
    explicit Rail(QWidget* parent = nullptr);
    /// `objectName` of the button; `shortcut` is told in its tooltip.
    void add(const QString& objectName, const QString& text, const QString& icon, const QString& shortcut);
    void setCurrent(int index);
    /// A dot on the button: something runs there.
    void setBusy(int index, bool busy);

Q_SIGNALS:
    void chosen(int index);

private:
    QVBoxLayout* m_column = nullptr;
    std::vector<QPushButton*> m_buttons;
};

} // namespace ui
