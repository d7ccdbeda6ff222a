// SPDX-License-Identifier: GPL-3.0-or-later
// What the window itself has to say of something that it was asked to do: a bar over every page, until it is closed.
#pragma once
#include <QFrame>
#include <functional>

class QLabel;
class QPushButton;
class QShortcut;

namespace ui {

class Notice : public QFrame {
    Q_OBJECT
public:
    explicit Notice(QWidget* parent = nullptr);
    /// What went wrong; replaces what it said.
    void say(const QString& problem);
    /// What was done, and on a button what may be done about it; replaces what it said.
    void tell(const QString& news, const QString& action = {}, std::function<void()> run = {});
    void dismiss();

    /// The notice of the window that `widget` is in; nullptr: it has none.
    static Notice* of(const QWidget* widget);

private:
    void show(const QString& text, bool bad, const QString& action, std::function<void()> run);

    void paint();

    bool m_bad = true;
    QLabel *m_picture = nullptr, *m_text = nullptr;
    QPushButton* m_action = nullptr;
    QShortcut* m_escape = nullptr;
    std::function<void()> m_run;
};

} // namespace ui
