// SPDX-License-Identifier: GPL-3.0-or-later
// One sentence of how things stand, with its icon, how far a run is, and a button for what may be done about it.
#pragma once
#include <QWidget>

#include <functional>

class QLabel;
class QProgressBar;
class QPushButton;

namespace ui {

/// Two lines tall, whatever it says.
class StatusLine : public QWidget {
    Q_OBJECT
public:
    explicit StatusLine(QWidget* parent = nullptr);
    /// role: "error", "warning", "good", "running" or "muted".
    void say(const QString& text, const char* role, const QString& action = {}, std::function<void()> run = {});
    /// 0 to 1; below 0: nothing is under way.
    void setProgress(double share);

private:
    QLabel *m_text = nullptr, *m_icon = nullptr;
    QProgressBar* m_progress = nullptr;
    QPushButton* m_action = nullptr;
    std::function<void()> m_run;
};

} // namespace ui
