// SPDX-License-Identifier: GPL-3.0-or-later
// Drawn by hand: a few dozen cells whose text must stay crisp and whose last column stands apart.
#include "ui/plots/matrix_plot.h"

#include "ui/plots/picture.h"
#include "ui/plots/swatch.h"
#include "ui/theme/theme.h"

#include <QAccessible>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QGuiApplication>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

#include <algorithm>
#include <cmath>

namespace ui {
namespace {

using Cell = std::pair<int, int>; // truth, guess

constexpr int kTitleHeight = 3 * kGrid, kAxisTitle = 18, kGap = 2, kApart = 12;
constexpr int kMaxCellWidth = 144, kMaxCellHeight = 88;

struct Grid {
    QRectF area; // all cells
    double cellWidth = 0, cellHeight = 0, lastWidth = 0;
    int labelWidth = 0, columnLabelHeight = 0;
    bool turned = false; // column labels upright
    QRectF cell(int truth, int guess, int labels) const {
        const double x = area.left() + guess * (cellWidth + kGap) + (guess == labels ? kApart - kGap : 0);
        return {x, area.top() + truth * (cellHeight + kGap), guess == labels ? lastWidth : cellWidth, cellHeight};
    }
};

} // namespace

struct MatrixPlot::Impl {
    MatrixCells cells;
    QString title, empty;
    qint64 run = 0;
    Grid grid;
    std::optional<Cell> hover, current, selected;

    int labels() const { return int(cells.labels.size()); }
    bool hasCells() const { return !cells.labels.isEmpty(); }
    const MatrixCell& at(Cell cell) const { return cells.cells[std::size_t(cell.first)][std::size_t(cell.second)]; }
    QColor color(Cell cell) const {
        const double strength = at(cell).strength;
        return cells.difference ? Theme::instance().diverging(strength) : Theme::instance().heat(strength);
    }
    std::optional<Cell> find(const QPointF& point) const {
        for (int truth = 0; truth < labels(); ++truth)
            for (int guess = 0; guess <= labels(); ++guess)
                if (grid.cell(truth, guess, labels()).contains(point)) return Cell{truth, guess};
        return std::nullopt;
    }
    void show(MatrixCells newCells, const QString& newTitle, qint64 newRun, const QSize& size) {
        if (newCells.labels != cells.labels) hover = current = selected = std::nullopt;
        cells = std::move(newCells);
        title = newTitle;
        run = newRun;
        layOut(size);
    }
    void layOut(const QSize& size);
    void paint(QPainter& painter, const QSize& size, bool interactive) const;
    void paintFrame(QPainter& painter) const;
    void paintCell(QPainter& painter, Cell cell) const;
    QString labelAt(const QPointF& point) const;
    QString table(QChar separator) const;
};

void MatrixPlot::Impl::layOut(const QSize& size) {
    grid = {};
    const int n = labels();
    if (!n) return;
    const QFontMetrics small(Theme::instance().font(TextSize::Small));
    int widest = small.horizontalAdvance(QStringLiteral("000 rows"));
    for (const QString& label : cells.labels) widest = std::max(widest, small.horizontalAdvance(label));
    grid.labelWidth = std::min(widest + kGrid, std::max(6 * kGrid, size.width() * 3 / 10));
    const double left = kAxisTitle + grid.labelWidth;
    const double room = size.width() - left - (n - 1) * kGap - kApart;
    const int unanswered = small.horizontalAdvance(MatrixPlot::tr("no answer"));
    int longest = unanswered;
    for (const QString& label : cells.labels) longest = std::max(longest, small.horizontalAdvance(label));
    const double last = n <= 6 && room - unanswered > n * unanswered ? unanswered : room / (n + 1);
    grid.cellWidth = std::clamp((room - last) / n, 6.0, double(kMaxCellWidth));
    grid.lastWidth = std::min(last, grid.cellWidth);
    grid.turned = grid.cellWidth < 40;
    grid.columnLabelHeight = grid.turned ? std::min(longest + kGrid, size.height() / 4) : 20;
    const double top = kTitleHeight + kAxisTitle + grid.columnLabelHeight;
    grid.cellHeight = std::clamp((size.height() - 2 - top - (n - 1) * kGap) / n, 6.0,
                                 std::min(double(kMaxCellHeight), std::max(grid.cellWidth, 24.0)));
    grid.area = {left, top, n * (grid.cellWidth + kGap) + kApart - kGap + grid.lastWidth, n * (grid.cellHeight + kGap) - kGap};
}

void MatrixPlot::Impl::paintFrame(QPainter& painter) const {
    const Theme& theme = Theme::instance();
    const QFont small = theme.font(TextSize::Small);
    const QFontMetrics metrics(small);
    const int n = labels();
    painter.setFont(small);
    painter.setPen(theme.color(Token::Muted));
    const QRectF labelled(grid.area.left(), 0, n * (grid.cellWidth + kGap) - kGap, 0);
    painter.drawText(QRectF(labelled.left(), kTitleHeight, labelled.width(), kAxisTitle), Qt::AlignCenter,
                     MatrixPlot::tr("guess"));
    painter.save();
    painter.translate(0, grid.area.bottom());
    painter.rotate(-90);
    painter.drawText(QRectF(0, 0, grid.area.height(), kAxisTitle - 4), Qt::AlignCenter, MatrixPlot::tr("truth"));
    painter.restore();

    for (int guess = 0; guess <= n; ++guess) {
        const QRectF cell = grid.cell(0, guess, n);
        painter.setPen(theme.color(guess == n ? Token::Muted : Token::Text));
        const QString label = guess == n ? MatrixPlot::tr("no answer") : cells.labels[guess];
        const double bottom = grid.area.top() - 4;
        if (grid.turned) {
            painter.save();
            painter.translate(cell.center().x(), bottom);
            painter.rotate(-90);
            painter.drawText(QRectF(0, -10, grid.columnLabelHeight - 4, 20), Qt::AlignVCenter | Qt::AlignLeft,
                             metrics.elidedText(label, Qt::ElideRight, grid.columnLabelHeight - 4));
            painter.restore();
        } else {
            const double reach = guess == n ? 2 : 0;
            painter.drawText(QRectF(cell.left() - reach, bottom - 16, cell.width() + 2 * reach, 16), Qt::AlignCenter,
                             metrics.elidedText(label, Qt::ElideRight, int(cell.width() + 2 * reach)));
        }
    }
    for (int truth = 0; truth < n; ++truth) {
        const QRectF cell = grid.cell(truth, 0, n);
        const QRectF box(kAxisTitle, cell.top(), grid.labelWidth - kGrid, cell.height());
        const bool withSupport = cell.height() >= 36;
        painter.setPen(theme.color(Token::Text));
        painter.drawText(withSupport ? box.adjusted(0, 0, 0, -box.height() / 2) : box,
                         int(Qt::AlignRight) | int(withSupport ? Qt::AlignBottom : Qt::AlignVCenter),
                         metrics.elidedText(cells.labels[truth], Qt::ElideRight, int(box.width())));
        if (!withSupport) continue;
        painter.setPen(theme.color(Token::Muted));
        painter.drawText(box.adjusted(0, box.height() / 2, 0, 0), Qt::AlignRight | Qt::AlignTop,
                         metrics.elidedText(cells.support[std::size_t(truth)], Qt::ElideRight, int(box.width())));
    }
}

void MatrixPlot::Impl::paintCell(QPainter& painter, Cell cell) const {
    const Theme& theme = Theme::instance();
    const QRectF rect = grid.cell(cell.first, cell.second, labels());
    const QColor fill = color(cell);
    const bool bare = cell.second == labels() && !cells.hasUnanswered;
    painter.setPen(bare ? QPen(theme.color(Token::Border), 1) : QPen(Qt::NoPen));
    painter.setBrush(bare ? QBrush(Qt::NoBrush) : QBrush(fill));
    const double radius = std::min(4.0, rect.height() / 4);
    painter.drawRoundedRect(bare ? rect.adjusted(0.5, 0.5, -0.5, -0.5) : rect, radius, radius);

    const MatrixCell& value = at(cell);
    const bool large = rect.height() >= 56 && rect.width() >= 64;
    const QFont shares = theme.font(TextSize::Small);
    QFont numbers = large ? theme.font(TextSize::Title, true) : theme.font(TextSize::Body, true);
    if (QFontMetrics(numbers).horizontalAdvance(value.count) > rect.width() - 4) numbers = shares;
    if (rect.height() < 16 || QFontMetrics(numbers).horizontalAdvance(value.count) > rect.width() - 2)
        return; // the tooltip still says it
    painter.setPen(bare ? theme.color(Token::Muted) : theme.textOn(fill));
    const bool both =
        !bare && rect.height() >= (large ? 52 : 36) && QFontMetrics(shares).horizontalAdvance(value.share) <= rect.width() - 2;
    const int first = QFontMetrics(numbers).height(), second = QFontMetrics(shares).height();
    const double top = rect.center().y() - (both ? first + second : first) / 2.0;
    painter.setFont(numbers);
    painter.drawText(QRectF(rect.left(), top, rect.width(), first), Qt::AlignCenter, value.count);
    if (!both) return;
    painter.setFont(shares);
    painter.drawText(QRectF(rect.left(), top + first, rect.width(), second), Qt::AlignCenter, value.share);
}

void MatrixPlot::Impl::paint(QPainter& painter, const QSize& size, bool interactive) const {
    const Theme& theme = Theme::instance();
    painter.setRenderHint(QPainter::Antialiasing);
    double x = 0;
    if (run) {
        paintSwatch(painter, QRectF(0, (kTitleHeight - kSwatch) / 2.0 - 2, kSwatch, kSwatch), run);
        x = kSwatch + kGrid;
    }
    painter.setFont(theme.font(TextSize::Body, true));
    painter.setPen(theme.color(Token::Text));
    painter.drawText(QRectF(x, 0, size.width() - x, kTitleHeight - 4), Qt::AlignVCenter | Qt::AlignLeft,
                     painter.fontMetrics().elidedText(title, Qt::ElideRight, int(size.width() - x)));
    if (!hasCells()) {
        painter.setFont(theme.font(TextSize::Body));
        painter.setPen(theme.color(Token::Muted));
        painter.drawText(QRectF(2 * kGrid, kTitleHeight, size.width() - 4 * kGrid, size.height() - kTitleHeight),
                         int(Qt::AlignCenter) | int(Qt::TextWordWrap), cells.problem.isEmpty() ? empty : cells.problem);
        return;
    }
    paintFrame(painter);
    for (int truth = 0; truth < labels(); ++truth)
        for (int guess = 0; guess <= labels(); ++guess) paintCell(painter, {truth, guess});
    if (!interactive) return;
    const auto ring = [&](const std::optional<Cell>& cell, const QColor& color, double width) {
        if (!cell) return;
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(color, width));
        const double out = width / 2 - 1;
        painter.drawRoundedRect(grid.cell(cell->first, cell->second, labels()).adjusted(-out, -out, out, out), 4, 4);
    };
    ring(hover, theme.color(Token::Text), 1.5);
    ring(selected, theme.color(Token::Text), 3);
    ring(current, theme.color(Token::Focus), 3);
}

QString MatrixPlot::Impl::labelAt(const QPointF& point) const {
    for (int i = 0; i < labels(); ++i) {
        const QRectF row = grid.cell(i, 0, labels()), column = grid.cell(0, i, labels());
        if (point.x() < grid.area.left() && point.y() >= row.top() && point.y() < row.bottom())
            return cells.labels[i] + QStringLiteral(" · ") + cells.support[std::size_t(i)];
        if (point.y() < grid.area.top() && point.x() >= column.left() && point.x() < column.right() &&
            point.y() > kTitleHeight + kAxisTitle)
            return cells.labels[i];
    }
    return {};
}

QString MatrixPlot::Impl::table(QChar separator) const {
    QStringList lines;
    const auto field = [&](const QString& text) { return separator == QLatin1Char(',') ? csvField(text) : text; };
    QStringList head{MatrixPlot::tr("truth \\ guess")};
    for (const QString& label : cells.labels) head << field(label);
    lines << (head << MatrixPlot::tr("no answer")).join(separator);
    for (int truth = 0; truth < labels(); ++truth) {
        QStringList line{field(cells.labels[truth])};
        for (int guess = 0; guess <= labels(); ++guess)
            line << QString(at({truth, guess}).count).remove(QLatin1Char(',')).replace(QChar(0x2212), QLatin1Char('-'));
        lines << line.join(separator);
    }
    return lines.join(QLatin1Char('\n')) + QLatin1Char('\n');
}

MatrixPlot::MatrixPlot(QWidget* parent) : QWidget(parent), m_impl(std::make_unique<Impl>()) {
    setMouseTracking(true);
    setFocusPolicy(Qt::TabFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    m_impl->empty = tr("The confusion matrix appears here once rows have been evaluated.");
    setAccessibleName(m_impl->empty);
    connect(&Theme::instance(), &Theme::changed, this, [this] {
        m_impl->layOut(size());
        update();
    });
}

MatrixPlot::~MatrixPlot() = default;

void MatrixPlot::setMatrix(const engine::ConfusionMatrix& matrix, const QString& title, qint64 run) {
    m_impl->show(matrixCells(matrix), title, run, size());
    setAccessibleName(tr("Confusion matrix, %1. %2").arg(title, m_impl->cells.summary));
    update();
}

void MatrixPlot::setDifference(const engine::ConfusionMatrix& left, const engine::ConfusionMatrix& right, const QString& title) {
    m_impl->show(differenceCells(left, right), title, 0, size());
    setAccessibleName(tr("Difference of two confusion matrices, %1. %2").arg(title, m_impl->cells.summary));
    update();
}

void MatrixPlot::clear() {
    m_impl->show({}, {}, 0, size());
    setAccessibleName(m_impl->empty);
    update();
}

void MatrixPlot::setEmptyText(const QString& text) {
    m_impl->empty = text;
    if (!m_impl->hasCells()) setAccessibleName(text);
    update();
}

void MatrixPlot::setSelected(std::optional<std::pair<int, int>> cell) {
    m_impl->selected = cell;
    update();
}

const MatrixCells& MatrixPlot::cells() const {
    return m_impl->cells;
}
QString MatrixPlot::title() const {
    return m_impl->title;
}
QColor MatrixPlot::cellColor(int truth, int guess) const {
    return m_impl->color({truth, guess});
}
QRectF MatrixPlot::cellRect(int truth, int guess) const {
    return m_impl->grid.cell(truth, guess, m_impl->labels());
}

bool MatrixPlot::exportTo(const QString& path, QString* problem) const {
    if (path.endsWith(QLatin1String(".csv"), Qt::CaseInsensitive))
        return saveText(path, m_impl->table(QLatin1Char(',')), problem);
    return savePicture(
        path, size(),
        [this](QPaintDevice& device) {
            QPainter painter(&device);
            painter.fillRect(QRect(QPoint(0, 0), size()), Theme::instance().color(Token::Raised));
            m_impl->paint(painter, size(), false);
        },
        problem);
}

QSize MatrixPlot::sizeHint() const {
    return {360, 264};
}
QSize MatrixPlot::minimumSizeHint() const {
    return {232, 184};
}

bool MatrixPlot::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip && m_impl->hasCells()) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const auto cell = m_impl->find(help->pos());
        const QString text = cell ? m_impl->at(*cell).explanation : m_impl->labelAt(help->pos());
        if (text.isEmpty())
            QToolTip::hideText();
        else
            QToolTip::showText(help->globalPos(), text, this);
        return true;
    }
    return QWidget::event(event);
}

void MatrixPlot::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    m_impl->paint(painter, size(), true);
}

void MatrixPlot::resizeEvent(QResizeEvent*) {
    m_impl->layOut(size());
}

void MatrixPlot::mouseMoveEvent(QMouseEvent* event) {
    const auto cell = m_impl->find(event->position());
    if (cell == m_impl->hover) return;
    m_impl->hover = cell;
    setCursor(cell ? Qt::PointingHandCursor : Qt::ArrowCursor);
    update();
}

void MatrixPlot::mouseReleaseEvent(QMouseEvent* event) {
    if (event->button() != Qt::LeftButton) return;
    if (const auto cell = m_impl->find(event->position())) Q_EMIT cellClicked(cell->first, cell->second);
}

void MatrixPlot::leaveEvent(QEvent*) {
    m_impl->hover.reset();
    update();
}

void MatrixPlot::keyPressEvent(QKeyEvent* event) {
    if (!m_impl->hasCells()) return QWidget::keyPressEvent(event);
    Cell cell = m_impl->current.value_or(Cell{0, 0});
    switch (event->key()) {
    case Qt::Key_Left: --cell.second; break;
    case Qt::Key_Right: ++cell.second; break;
    case Qt::Key_Up: --cell.first; break;
    case Qt::Key_Down: ++cell.first; break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
    case Qt::Key_Space: Q_EMIT cellClicked(cell.first, cell.second); return;
    default: return QWidget::keyPressEvent(event);
    }
    m_impl->current = Cell{std::clamp(cell.first, 0, m_impl->labels() - 1), std::clamp(cell.second, 0, m_impl->labels())};
    setAccessibleDescription(m_impl->at(*m_impl->current).explanation);
    QAccessibleEvent said(this, QAccessible::DescriptionChanged);
    QAccessible::updateAccessibility(&said);
    update();
}

void MatrixPlot::focusInEvent(QFocusEvent* event) {
    if (m_impl->hasCells() && (event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason))
        m_impl->current = m_impl->selected.value_or(Cell{0, 0});
    update();
}

void MatrixPlot::focusOutEvent(QFocusEvent*) {
    m_impl->current.reset();
    update();
}

void MatrixPlot::contextMenuEvent(QContextMenuEvent* event) {
    if (!m_impl->hasCells()) return;
    QMenu menu(this);
    menu.addAction(tr("Copy as table"), this,
                   [this] { QGuiApplication::clipboard()->setText(m_impl->table(QLatin1Char('\t'))); });
    menu.addSeparator();
    for (const char* ending : {"png", "svg", "pdf", "csv"}) {
        const QString kind = QLatin1String(ending);
        menu.addAction(tr("Save as %1…").arg(kind.toUpper()), this, [this, kind] {
            QString problem;
            const QString path = askSavePath(this, m_impl->title, kind);
            if (!path.isEmpty() && !exportTo(path, &problem)) showProblem(this, problem);
        });
    }
    menu.exec(event->globalPos());
}

} // namespace ui
