// SPDX-License-Identifier: GPL-3.0-or-later
// What something is made up of: one bar in parts, and under it what each is called and how large it is.
#pragma once
#include <QWidget>
#include <vector>

namespace ui {

class MemoryBar : public QWidget {
    Q_OBJECT
public:
    struct Part {
        QString name;
        qint64 bytes = 0;
        QString tip;
    };

    explicit MemoryBar(QWidget* parent = nullptr);
    void setParts(std::vector<Part> parts);
    /// What the parts say, "Weights 484 MB".
    QStringList rows() const;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

protected:
    void paintEvent(QPaintEvent*) override;
    bool event(QEvent* event) override;

private:
    QRect place(int part) const;
    std::vector<Part> m_parts;
};

} // namespace ui
