// SPDX-License-Identifier: GPL-3.0-or-later
// Where data is dropped while there is none.
#pragma once
#include <QFrame>

class QLabel;
class QMimeData;
class QPushButton;

namespace ui {

class DropTarget : public QFrame {
    Q_OBJECT
public:
    explicit DropTarget(QWidget* parent = nullptr);
    /// In red under the buttons; empty: nothing.
    void setProblem(const QString& text);
    /// While a file is read: its name in place of the buttons.
    void setReading(const QString& fileName);

Q_SIGNALS:
    void openRequested();
    void sampleRequested();
    void dropped(const QString& path);

protected:
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dragLeaveEvent(QDragLeaveEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

private:
    bool m_over = false;
    QLabel *m_title = nullptr, *m_text = nullptr, *m_problem = nullptr, *m_sampleText = nullptr;
    QWidget *m_buttons = nullptr, *m_progress = nullptr;
};

/// Of the names of files that the workbench opens: "csv", …, "yaml".
QStringList openedEndings();
/// The first local file of a drag that is named as one of those; empty: none.
QString droppedFile(const QMimeData* data);

} // namespace ui
