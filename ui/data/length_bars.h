// SPDX-License-Identifier: GPL-3.0-or-later
// How long the texts are, in words.
#pragma once
#include "engine/data/dataset.h"

#include <QWidget>
#include <vector>

namespace ui {

class LengthBars : public QWidget {
    Q_OBJECT
public:
    using QWidget::QWidget;
    /// Of a large dataset an even sample is counted.
    void setTexts(const std::vector<engine::Example>& examples);
    int median() const { return m_median; }
    int longest() const { return m_longest; }
    QSize sizeHint() const override { return {200, 92}; }
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent*) override;

private:
    std::vector<int> m_bars;
    int m_width = 1; // words a bar
    int m_median = 0, m_longest = 0;
};

} // namespace ui
