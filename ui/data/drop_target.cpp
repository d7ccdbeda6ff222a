// SPDX-License-Identifier: GPL-3.0-or-later
// A dashed frame with an icon, two buttons, and what to expect.
#include "ui/data/drop_target.h"

#include "engine/data/default_data.h"
#include "engine/data/table.h"
#include "ui/theme/icons.h"

#include <QDragEnterEvent>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QMimeData>
#include <QPainter>
#include <QProgressBar>
#include <QPushButton>
#include <QUrl>
#include <QVBoxLayout>

namespace ui {

DropTarget::DropTarget(QWidget* parent) : QFrame(parent) {
    setAcceptDrops(true);
    setFixedSize(76 * kGrid, 46 * kGrid);
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(6 * kGrid, 5 * kGrid, 6 * kGrid, 4 * kGrid);
    column->setSpacing(kGrid);
    column->addStretch(1);
    auto* picture = new QLabel;
    const auto paint = [picture] { picture->setPixmap(icon(QStringLiteral("upload"), Token::Accent).pixmap(40, 40)); };
    paint();
    connect(&Theme::instance(), &Theme::changed, picture, paint);
    column->addWidget(picture, 0, Qt::AlignHCenter);
    column->addSpacing(kGrid);
    m_title = new QLabel;
    setRole(m_title, "title");
    column->addWidget(m_title, 0, Qt::AlignHCenter);
    QStringList kinds;
    for (const engine::TableSource& source : engine::tableSources()) kinds << QString::fromUtf8(source.title);
    m_text =
        new QLabel(tr("A %1 with two columns is enough: a text and its label. Encoding, delimiter, header and the two columns "
                      "are found by themselves.")
                       .arg(kinds.join(tr(" or "))));
    m_text->setWordWrap(true);
    m_text->setAlignment(Qt::AlignHCenter | Qt::AlignTop);
    setRole(m_text, "muted");
    column->addWidget(m_text);
    column->addSpacing(kGrid);

    m_buttons = new QWidget;
    auto* row = new QHBoxLayout(m_buttons);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(kGrid);
    auto* open = new QPushButton(tr("Open a file…"));
    open->setObjectName(QStringLiteral("openData"));
    setRole(open, "primary");
    connect(open, &QPushButton::clicked, this, &DropTarget::openRequested);
    auto* sample = new QPushButton(tr("Use the sample data"));
    sample->setObjectName(QStringLiteral("useSample"));
    connect(sample, &QPushButton::clicked, this, &DropTarget::sampleRequested);
    row->addStretch(1);
    row->addWidget(open);
    row->addWidget(sample);
    row->addStretch(1);
    column->addWidget(m_buttons);
    auto* bar = new QProgressBar;
    bar->setRange(0, 0);
    bar->setFixedWidth(30 * kGrid);
    m_progress = bar;
    column->addWidget(bar, 0, Qt::AlignHCenter);
    m_problem = new QLabel;
    m_problem->setObjectName(QStringLiteral("openProblem"));
    m_problem->setWordWrap(true);
    m_problem->setAlignment(Qt::AlignHCenter | Qt::AlignTop);
    m_problem->setTextInteractionFlags(Qt::TextSelectableByMouse);
    setRole(m_problem, "error");
    column->addWidget(m_problem);
    column->addStretch(1);
    m_sampleText = new QLabel(tr(
        "The sample: 5,190 sentences from New York Times opinion articles, rated by 20 people each (Hutto and Gilbert, 2014)."));
    m_sampleText->setWordWrap(true);
    m_sampleText->setAlignment(Qt::AlignHCenter);
    setRole(m_sampleText, "small");
    column->addWidget(m_sampleText);
    if (engine::defaultDataFile().empty()) {
        sample->setEnabled(false);
        sample->setToolTip(tr("The sample data is not here; resources/setup.sh fetches it."));
    }
    setReading({});
    setProblem({});
}

void DropTarget::setProblem(const QString& text) {
    m_problem->setText(text);
    m_problem->setVisible(!text.isEmpty());
}

void DropTarget::setReading(const QString& fileName) {
    const bool reading = !fileName.isEmpty();
    m_title->setText(reading ? tr("Reading %1…").arg(fileName) : tr("Drop your data here"));
    m_text->setVisible(!reading);
    m_buttons->setVisible(!reading);
    m_sampleText->setVisible(!reading);
    m_progress->setVisible(reading);
    if (reading) setProblem({});
}

void DropTarget::dragEnterEvent(QDragEnterEvent* event) {
    if (droppedFile(event->mimeData()).isEmpty()) return;
    event->acceptProposedAction();
    m_over = true;
    update();
}

void DropTarget::dragLeaveEvent(QDragLeaveEvent*) {
    m_over = false;
    update();
}

void DropTarget::dropEvent(QDropEvent* event) {
    dragLeaveEvent(nullptr);
    const QString path = droppedFile(event->mimeData());
    if (path.isEmpty()) return;
    event->acceptProposedAction();
    Q_EMIT dropped(path);
}

void DropTarget::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const Theme& theme = Theme::instance();
    QColor edge = theme.color(m_over ? Token::Accent : Token::Muted), fill = theme.color(m_over ? Token::Accent : Token::Raised);
    if (m_over)
        fill.setAlphaF(0.08f);
    else
        edge.setAlphaF(0.55f);
    QPen pen(edge, 1.5, Qt::CustomDashLine, Qt::FlatCap);
    pen.setDashPattern({5, 4});
    painter.setPen(pen);
    painter.setBrush(fill);
    painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 14, 14);
}

QStringList openedEndings() {
    QStringList endings;
    for (const engine::TableSource& source : engine::tableSources())
        for (const char* ending : source.endings) endings << QLatin1String(ending);
    return endings << QStringLiteral("yaml") << QStringLiteral("yml");
}

QString droppedFile(const QMimeData* data) {
    for (const QUrl& url : data->urls()) {
        const QString suffix = QFileInfo(url.toLocalFile()).suffix().toLower();
        if (url.isLocalFile() && openedEndings().contains(suffix)) return url.toLocalFile();
    }
    return {};
}

} // namespace ui
