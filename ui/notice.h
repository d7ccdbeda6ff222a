// SPDX-License-Identifier: GPL-3.0-or-later
// What went wrong with something that the window itself was asked to do: a bar over every page, until it is closed.
#pragma once
#include <QFrame>

class QAction;
class QLabel;
class QShortcut;

namespace ui {

class Notice : public QFrame {
    Q_OBJECT
public:
    explicit Notice(QWidget* parent = nullptr);
    /// Replaces what it said.
    void say(const QString& problem);
    void dismiss();

    /// While it is shown, Escape closes it and does not trigger `other`.
    void goBefore(QAction* other);

    /// The notice of the window that `widget` is in; nullptr: it has none.
    static Notice* of(const QWidget* widget);

private:
    void takeEscape(bool take);

    QAction* m_other = nullptr;
    QLabel* m_text = nullptr;
    QShortcut* m_escape = nullptr;
};

} // namespace ui
