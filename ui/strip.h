// SPDX-License-Identifier: GPL-3.0-or-later
// The line at the bottom of every page while something runs; a click leads to the run.
#pragma once
#include <QFrame>

class QLabel;
class QPushButton;

namespace ui {

class ElidedLabel;
class RunWatch;

class Strip : public QFrame {
    Q_OBJECT
public:
    explicit Strip(RunWatch& watch, QWidget* parent = nullptr);

Q_SIGNALS:
    void clicked();
    void stopRequested();

protected:
    void mouseReleaseEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    void refresh();
    RunWatch& m_watch;
    ElidedLabel* m_run = nullptr;
    QLabel *m_stage = nullptr, *m_left = nullptr, *m_speed = nullptr, *m_memory = nullptr;
    QPushButton* m_stop = nullptr;
};

} // namespace ui
