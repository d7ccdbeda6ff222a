// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/compare/run_chips.h"

#include "ui/elided_label.h"
#include "ui/figures.h"
#include "ui/plots/swatch.h"
#include "ui/run_words.h"
#include "ui/theme/icons.h"

#include <QFrame>
#include <QHBoxLayout>
#include <QMenu>
#include <QToolButton>

namespace ui {
namespace {

constexpr int kOffered = 20, kChipText = 26 * kGrid;

} // namespace

RunChips::RunChips(Backend& backend, QWidget* parent) : FlowBox(kGrid, parent), m_backend(backend) {
    m_add = new QToolButton;
    m_add->setObjectName(QStringLiteral("addRun"));
    m_add->setText(tr("+ Add run"));
    m_add->setFixedHeight(4 * kGrid);
    m_add->setPopupMode(QToolButton::InstantPopup);
    m_menu = new QMenu(this);
    m_add->setMenu(m_menu);
    connect(m_menu, &QMenu::aboutToShow, this, &RunChips::fillMenu);
    flow()->addWidget(m_add);
}

void RunChips::setRuns(const std::vector<engine::ComparedRun>& runs) {
    while (flow()->count()) {
        QLayoutItem* item = flow()->takeAt(0);
        if (item->widget() != m_add) {
            item->widget()->hide();
            item->widget()->deleteLater();
        }
        delete item;
    }
    m_runs.clear();
    for (const engine::ComparedRun& run : runs) {
        const engine::RunId id = run.detail.summary.id;
        m_runs << id;
        auto* chip = new QFrame;
        setRole(chip, "card");
        chip->setFixedHeight(4 * kGrid);
        auto* row = new QHBoxLayout(chip);
        row->setContentsMargins(10, 0, 2, 0);
        row->setSpacing(kGrid);
        auto* swatch = new QLabel;
        swatch->setPixmap(swatchIcon(id).pixmap(QSize(kSwatch, kSwatch), devicePixelRatioF()));
        auto* name = new QLabel(fontMetrics().elidedText(titleOf(run), Qt::ElideRight, kChipText));
        name->setTextFormat(Qt::PlainText);
        name->setToolTip(titleOf(run));
        auto* close = new QToolButton;
        close->setObjectName(QStringLiteral("removeRun%1").arg(id));
        close->setIcon(icon(QStringLiteral("close")));
        close->setIconSize(QSize(14, 14));
        close->setToolTip(tr("Leave %1 out").arg(titleOf(run)));
        close->setAccessibleName(close->toolTip());
        connect(close, &QToolButton::clicked, this, [this, id] { Q_EMIT removed(id); });
        row->addWidget(swatch);
        row->addWidget(name);
        row->addWidget(close);
        flow()->addWidget(chip);
    }
    flow()->addWidget(m_add);
    fit();
}

void RunChips::fillMenu() {
    m_menu->clear();
    for (const engine::RunSummary& run : m_backend.runs().list()) {
        const auto accuracy = run.measured["accuracy"];
        if (!accuracy || m_runs.contains(run.id)) continue;
        if (m_menu->actions().size() == kOffered) break; // the Runs page finds older ones
        const QString text = tr("%1   %2").arg(runTitle(run), percent(*accuracy));
        m_menu->addAction(swatchIcon(run.id), QString(text).replace(QLatin1Char('&'), QStringLiteral("&&")), this,
                          [this, id = run.id] { Q_EMIT added(id); });
    }
    if (m_menu->isEmpty()) m_menu->addAction(tr("There is no other run with results"))->setEnabled(false);
}

} // namespace ui
