// SPDX-License-Identifier: GPL-3.0-or-later
// Data in, canvas beside. New points only mark the plot as stale: it is measured and drawn once when control
// returns to the event loop.
#include "ui/plots/loss_plot.h"

#include "ui/figures.h"
#include "ui/plots/loss_canvas.h"
#include "ui/plots/picture.h"
#include "ui/theme/theme.h"

#include <QContextMenuEvent>
#include <QFrame>
#include <QLabel>
#include <QMenu>
#include <QTimer>
#include <QToolButton>

#include <algorithm>
#include <cmath>

namespace ui {

struct LossPlot::Impl {
    explicit Impl(LossPlot* plot);

    LossPlot* self;
    std::vector<LossCurve> curves;
    LossCanvas* canvas;
    QLabel* empty;
    QFrame* readout;
    QLabel* readoutText;
    QToolButton *menuButton, *resetButton;
    QString unit = LossPlot::tr("answer token");
    double smoothing = 0.9, steps = 0;
    bool log = false, stale = false;
    std::optional<double> pointed;

    std::size_t indexOf(qint64 run);
    void later();
    void refresh();
    void point(double step);
    void unpoint();
    void fillMenu(QMenu* menu);
    void save(const QString& ending);
    QString nameOf(const LossCurve& curve) const {
        return curve.name().isEmpty() ? LossPlot::tr("run %1").arg(curve.run()) : curve.name();
    }
};

LossPlot::Impl::Impl(LossPlot* plot) : self(plot), canvas(new LossCanvas(curves, plot)) {
    empty = new QLabel(LossPlot::tr("The loss appears here after the first training step."), self);
    empty->setAlignment(Qt::AlignCenter);
    empty->setWordWrap(true);
    setRole(empty, "muted");

    readout = new QFrame(self);
    setRole(readout, "card");
    readout->setAttribute(Qt::WA_TransparentForMouseEvents);
    readoutText = new QLabel(readout);
    readoutText->setTextFormat(Qt::RichText);
    readoutText->setContentsMargins(kGrid, kGrid / 2, kGrid, kGrid / 2);
    readout->hide();

    menuButton = new QToolButton(self);
    menuButton->setText(QStringLiteral("⋯"));
    menuButton->setToolTip(LossPlot::tr("Smoothing, scale, save"));
    menuButton->setAccessibleName(menuButton->toolTip());
    menuButton->setPopupMode(QToolButton::InstantPopup);
    resetButton = new QToolButton(self);
    resetButton->setText(LossPlot::tr("Show all"));
    resetButton->setToolTip(LossPlot::tr("Back to the whole curve (double click)"));
    canvas->onViewChanged = [this] { later(); };
}

std::size_t LossPlot::Impl::indexOf(qint64 run) {
    for (std::size_t i = 0; i < curves.size(); ++i)
        if (curves[i].run() == run) return i;
    curves.emplace_back(run).smoothAgain(smoothing);
    canvas->addLines();
    return curves.size() - 1;
}

void LossPlot::Impl::later() {
    if (stale) return;
    stale = true;
    QTimer::singleShot(0, self, [this] { refresh(); });
}

void LossPlot::Impl::refresh() {
    stale = false;
    const bool any = std::any_of(curves.begin(), curves.end(), [](const LossCurve& curve) { return !curve.isEmpty(); });
    canvas->setVisible(any);
    menuButton->setVisible(any);
    empty->setVisible(!any);
    resetButton->setVisible(any && !canvas->following());
    if (!any) {
        unpoint();
        self->setAccessibleName(empty->text());
        return;
    }
    canvas->refresh();
    QStringList said;
    for (const LossCurve& curve : curves) {
        QString text = nameOf(curve);
        if (!curve.smooth().empty())
            text += LossPlot::tr(": loss %1 at step %2")
                        .arg(figure(curve.smooth().back().value), count(qint64(curve.smooth().back().step)));
        if (!curve.eval().empty()) text += LossPlot::tr(", eval loss %1").arg(figure(curve.eval().back().value));
        if (!curve.isEmpty()) said << text;
    }
    self->setAccessibleName(LossPlot::tr("Loss curves. %1.").arg(said.join(QStringLiteral("; "))));
}

void LossPlot::Impl::point(double step) {
    if (!canvas->isVisible()) return;
    pointed = step;
    const Theme& theme = Theme::instance();
    const QStringList rows = self->readout(step).split(QLatin1Char('\n'));
    QString text;
    for (qsizetype i = 0; i < rows.size(); ++i) {
        const QString color = i == 0 ? theme.color(Token::Muted).name() : theme.runColor(curves[std::size_t(i - 1)].run()).name();
        text += QStringLiteral("<div style='color:%1; white-space:nowrap'>%2</div>").arg(color, rows[i].toHtmlEscaped());
    }
    readoutText->setText(text);
    readoutText->adjustSize();
    readout->resize(readoutText->size());
    const QRect area = canvas->axisRect()->rect();
    const int hair = int(canvas->mark(step));
    const bool left = hair + 12 + readout->width() > area.right();
    readout->move(left ? std::max(area.left(), hair - 12 - readout->width()) : hair + 12, area.top() + 4);
    readout->show();
    readout->raise();
}

void LossPlot::Impl::unpoint() {
    pointed.reset();
    readout->hide();
    canvas->unmark();
}

void LossPlot::Impl::fillMenu(QMenu* menu) {
    const std::pair<QString, double> weights[]{{LossPlot::tr("No smoothing"), 0},
                                               {LossPlot::tr("Light smoothing"), 0.7},
                                               {LossPlot::tr("Medium smoothing"), 0.9},
                                               {LossPlot::tr("Strong smoothing"), 0.97}};
    for (const auto& [text, weight] : weights) {
        QAction* action = menu->addAction(text, self, [this, w = weight] { self->setSmoothing(w); });
        action->setCheckable(true);
        action->setChecked(std::abs(smoothing - weight) < 1e-9);
    }
    menu->addSeparator();
    QAction* scale = menu->addAction(LossPlot::tr("Logarithmic loss axis"), self, [this] { self->setLogScale(!log); });
    scale->setCheckable(true);
    scale->setChecked(log);
    menu->addAction(LossPlot::tr("Show all"), self, [this] { self->resetView(); })->setEnabled(!canvas->following());
    menu->addSeparator();
    for (const char* ending : {"png", "svg", "pdf", "csv"}) {
        const QString kind = QLatin1String(ending);
        menu->addAction(LossPlot::tr("Save as %1…").arg(kind.toUpper()), self, [this, kind] { save(kind); });
    }
}

void LossPlot::Impl::save(const QString& ending) {
    const QString name = curves.size() == 1 ? LossPlot::tr("loss of run %1").arg(curves.front().run())
                                            : LossPlot::tr("loss of %1 runs").arg(curves.size());
    QString problem;
    const QString path = askSavePath(self, name, ending);
    if (!path.isEmpty() && !self->exportTo(path, &problem)) showProblem(self, problem);
}

LossPlot::LossPlot(QWidget* parent) : QWidget(parent), m_impl(std::make_unique<Impl>(this)) {
    setFocusPolicy(Qt::TabFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
    Impl* d = m_impl.get();
    d->canvas->installEventFilter(this);
    connect(d->canvas, &QCustomPlot::mouseMove, this, [d](QMouseEvent* event) {
        if (d->canvas->axisRect()->rect().contains(event->pos()))
            d->point(std::round(d->canvas->xAxis->pixelToCoord(event->position().x())));
        else
            d->unpoint();
    });
    connect(d->canvas, &QCustomPlot::mouseDoubleClick, this, [this] { resetView(); });
    connect(d->resetButton, &QToolButton::clicked, this, [this] { resetView(); });
    auto* menu = new QMenu(this);
    d->menuButton->setMenu(menu);
    connect(menu, &QMenu::aboutToShow, this, [d, menu] {
        menu->clear();
        d->fillMenu(menu);
    });
    connect(&Theme::instance(), &Theme::changed, this, [d] {
        d->canvas->restyle(d->unit);
        d->later();
    });
    d->canvas->restyle(d->unit);
    d->refresh();
}

LossPlot::~LossPlot() {
    delete m_impl->canvas;
} // it reads the curves, which go before the children do

void LossPlot::clear() {
    m_impl->canvas->removeLines();
    m_impl->curves.clear();
    m_impl->steps = 0;
    m_impl->refresh();
}

void LossPlot::addStep(const engine::StepEvent& event) {
    const std::size_t i = m_impl->indexOf(event.run);
    LossCurve& curve = m_impl->curves[i];
    const std::size_t before = curve.raw().size();
    if (!curve.addStep(double(event.step), event.loss))
        m_impl->canvas->sync(i);
    else if (curve.raw().size() > before)
        m_impl->canvas->append(i);
    m_impl->steps = std::max(m_impl->steps, double(event.steps));
    m_impl->canvas->setSteps(m_impl->steps);
    m_impl->later();
}

void LossPlot::addEval(const engine::EvalEvent& event) {
    const std::size_t i = m_impl->indexOf(event.run);
    m_impl->curves[i].addEval(double(event.step), event.loss);
    m_impl->canvas->sync(i);
    m_impl->later();
}

void LossPlot::setCurves(const QList<Curve>& curves) {
    m_impl->canvas->removeLines();
    m_impl->curves.clear();
    m_impl->steps = 0;
    for (const Curve& curve : curves) {
        m_impl->curves.emplace_back(curve, m_impl->smoothing);
        m_impl->canvas->addLines();
        m_impl->canvas->sync(m_impl->curves.size() - 1);
    }
    m_impl->refresh();
}

void LossPlot::setSmoothing(double weight) {
    m_impl->smoothing = std::clamp(weight, 0.0, 0.9999);
    for (std::size_t i = 0; i < m_impl->curves.size(); ++i) {
        m_impl->curves[i].smoothAgain(m_impl->smoothing);
        m_impl->canvas->sync(i);
    }
    m_impl->refresh();
}

double LossPlot::smoothing() const {
    return m_impl->smoothing;
}

void LossPlot::setLogScale(bool on) {
    m_impl->log = on;
    m_impl->canvas->setLog(on);
    m_impl->refresh();
}

bool LossPlot::isLogScale() const {
    return m_impl->log;
}

void LossPlot::setEmptyText(const QString& text) {
    m_impl->empty->setText(text);
    m_impl->refresh();
}

void LossPlot::setLossPer(const QString& unit) {
    m_impl->unit = unit;
    m_impl->canvas->restyle(unit);
    m_impl->later();
}

void LossPlot::resetView() {
    m_impl->canvas->follow();
    m_impl->refresh();
}

bool LossPlot::isZoomed() const {
    return !m_impl->canvas->following();
}

const std::vector<LossCurve>& LossPlot::curves() const {
    return m_impl->curves;
}

QString LossPlot::readout(double step) const {
    double at = 0;
    QStringList rows;
    for (const LossCurve& curve : m_impl->curves) {
        const LossCurve::Point *smooth = LossCurve::at(curve.smooth(), step), *raw = LossCurve::at(curve.raw(), step),
                               *eval = LossCurve::at(curve.eval(), step);
        if (smooth || eval) at = std::max(at, (smooth ? smooth : eval)->step);
        QStringList parts;
        if (smooth)
            parts << tr("loss %1").arg(figure(smooth->value)) +
                         (m_impl->smoothing > 0 ? tr(" (raw %1)").arg(figure(raw->value)) : QString());
        if (eval && eval->step <= step) parts << tr("eval %1").arg(figure(eval->value));
        rows << (m_impl->curves.size() == 1 ? QString() : m_impl->nameOf(curve) + QStringLiteral(": ")) +
                    parts.join(QStringLiteral(" · "));
    }
    return (QStringList{tr("step %1").arg(count(qint64(at)))} + rows).join(QLatin1Char('\n'));
}

QStringList LossPlot::endLabels() const {
    m_impl->refresh();
    m_impl->canvas->replot(QCustomPlot::rpImmediateRefresh);
    return m_impl->canvas->labels();
}

bool LossPlot::exportTo(const QString& path, QString* problem) const {
    if (!path.endsWith(QLatin1String(".csv"), Qt::CaseInsensitive)) {
        m_impl->unpoint();
        m_impl->refresh();
        return savePicture(
            path, size(),
            [this](QPaintDevice& device) {
                QCPPainter painter;
                if (!painter.begin(&device)) return;
                painter.setMode(QCPPainter::pmVectorized);
                painter.setMode(QCPPainter::pmNoCaching);
                m_impl->canvas->toPainter(&painter, width(), height());
            },
            problem);
    }
    QString text = QStringLiteral("run,name,step,loss,smoothed,eval_loss\n");
    const auto number = [](double value) { return QString::number(value, 'g', 9); };
    for (const LossCurve& curve : m_impl->curves) {
        const QString start = QString::number(curve.run()) + QLatin1Char(',') + csvField(curve.name()) + QLatin1Char(',');
        for (std::size_t i = 0; i < curve.raw().size(); ++i)
            text += start + number(curve.raw()[i].step) + QLatin1Char(',') + number(curve.raw()[i].value) + QLatin1Char(',') +
                    number(curve.smooth()[i].value) + QStringLiteral(",\n");
        for (const LossCurve::Point& p : curve.eval())
            text += start + number(p.step) + QStringLiteral(",,,") + number(p.value) + QLatin1Char('\n');
    }
    return saveText(path, text, problem);
}

QSize LossPlot::sizeHint() const {
    return {480, 264};
}
QSize LossPlot::minimumSizeHint() const {
    return {240, 144};
}

bool LossPlot::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Leave) m_impl->unpoint();
    return QWidget::eventFilter(watched, event);
}

void LossPlot::resizeEvent(QResizeEvent*) {
    m_impl->canvas->setGeometry(rect());
    m_impl->empty->setGeometry(rect().adjusted(2 * kGrid, 0, -2 * kGrid, 0));
    m_impl->menuButton->adjustSize();
    m_impl->menuButton->move(width() - m_impl->menuButton->width(), 0);
    m_impl->resetButton->adjustSize();
    m_impl->resetButton->move(width() - m_impl->menuButton->width() - m_impl->resetButton->width() - kGrid / 2, 0);
}

void LossPlot::keyPressEvent(QKeyEvent* event) {
    const double last = m_impl->canvas->lastStep(), step = m_impl->pointed.value_or(last);
    switch (event->key()) {
    case Qt::Key_Left: m_impl->point(std::max(step - 1, 0.0)); break;
    case Qt::Key_Right: m_impl->point(std::min(step + 1, last)); break;
    case Qt::Key_Plus: m_impl->canvas->zoom(0.8); break;
    case Qt::Key_Minus: m_impl->canvas->zoom(1.25); break;
    case Qt::Key_Home: resetView(); break;
    default: return QWidget::keyPressEvent(event);
    }
    if (m_impl->pointed) setAccessibleDescription(readout(*m_impl->pointed));
}

void LossPlot::contextMenuEvent(QContextMenuEvent* event) {
    if (m_impl->curves.empty()) return;
    QMenu menu(this);
    m_impl->fillMenu(&menu);
    menu.exec(event->globalPos());
}

} // namespace ui
