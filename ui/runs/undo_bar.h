// SPDX-License-Identifier: GPL-3.0-or-later
// "Run 12 deleted. Undo": stands over the foot of its parent for a while, then lets the deed be done.
#pragma once
#include <QFrame>

class QLabel;
class QPushButton;
class QTimer;

namespace ui {

class UndoBar : public QFrame {
    Q_OBJECT
public:
    explicit UndoBar(QWidget* parent);
    /// A deed that is still pending is done first.
    void offer(const QString& text);
    bool isPending() const { return m_pending; }
    /// Does it now.
    void expire();
    void undo();

Q_SIGNALS:
    void undone();
    void expired();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void place();
    QLabel* m_text = nullptr;
    QTimer* m_timer = nullptr;
    bool m_pending = false;
};

} // namespace ui
