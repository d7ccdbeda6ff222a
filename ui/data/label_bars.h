// SPDX-License-Identifier: GPL-3.0-or-later
// How many rows each label has, as bars with their numbers.
#pragma once
#include <QWidget>
#include <string>
#include <vector>

namespace ui {

class LabelBars : public QWidget {
    Q_OBJECT
public:
    using QWidget::QWidget;
    /// The largest first; of more than a dozen labels the rest is one row, "and 40 more".
    void setCounts(const std::vector<std::string>& labels, const std::vector<std::int64_t>& counts);
    /// Rows that the split wants of each label: labels with fewer are marked. 0: none.
    void setNeeded(std::int64_t rows);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }
    /// What a row says, "neutral 2,402".
    QStringList rows() const;

protected:
    void paintEvent(QPaintEvent*) override;
    bool event(QEvent* event) override;

private:
    struct Row {
        QString label;
        std::int64_t count = 0;
        bool rest = false;
    };
    std::vector<Row> m_rows;
    std::int64_t m_total = 0, m_needed = 0;
};

} // namespace ui
