// SPDX-License-Identifier: GPL-3.0-or-later
// A confusion matrix: rows truth, columns guess, the no-answer column set apart; or the difference of two.
#pragma once
#include "ui/plots/matrix_cells.h"

#include <QColor>
#include <QWidget>
#include <memory>
#include <optional>
#include <utility>

namespace ui {

class MatrixPlot : public QWidget {
    Q_OBJECT
public:
    explicit MatrixPlot(QWidget* parent = nullptr);
    ~MatrixPlot() override;

    /// `run` gives the swatch beside the title its colour; 0: none.
    void setMatrix(const engine::ConfusionMatrix& matrix, const QString& title, qint64 run = 0);
    /// right − left, coloured around zero.
    void setDifference(const engine::ConfusionMatrix& left, const engine::ConfusionMatrix& right, const QString& title);
    void clear();
    /// What stands in place of a matrix while there is none.
    void setEmptyText(const QString& text);
    /// Keeps a cell marked (guess = number of labels: no answer).
    void setSelected(std::optional<std::pair<int, int>> cell);

    const MatrixCells& cells() const;
    QString title() const;
    QColor cellColor(int truth, int guess) const;
    QRectF cellRect(int truth, int guess) const; // in widget coordinates
    /// By the path's ending: .png .svg .pdf pictures, .csv counts. False with `problem` filled.
    bool exportTo(const QString& path, QString* problem = nullptr) const;

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

Q_SIGNALS:
    /// Mouse or Enter; guess = number of labels: no answer.
    void cellClicked(int truth, int guess);

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void contextMenuEvent(QContextMenuEvent* event) override;

private:
    struct Impl;
    std::unique_ptr<Impl> m_impl;
};

} // namespace ui
