// SPDX-License-Identifier: GPL-3.0-or-later
// The window's menus, and with them its keys.
#include "ui/main_window.h"
#include "ui/notice.h"
#include "ui/theme/theme_menu.h"
#include "ui/train/train_page.h"

#include <QMenuBar>
#include <QMessageBox>

namespace ui {

void MainWindow::buildMenus() {
    const auto action = [this](QMenu* menu, const QString& text, const QList<QKeySequence>& keys, auto&& run) {
        QAction* made = menu->addAction(text);
        made->setShortcuts(keys);
        connect(made, &QAction::triggered, this, run);
        return made;
    };
    QMenu* file = menuBar()->addMenu(tr("&File"));
    action(file, tr("&Open data or experiment…"), {QKeySequence(Qt::CTRL | Qt::Key_O)}, [this] { chooseFile(); });
    action(file, tr("&Save experiment"), {QKeySequence(Qt::CTRL | Qt::Key_S)}, [this] { save(false); });
    action(file, tr("Save experiment &as…"), {QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_S)}, [this] { save(true); });
    file->addSeparator();
    action(file, tr("&Quit"), {QKeySequence(Qt::CTRL | Qt::Key_Q)}, [this] { close(); });

    QMenu* run = menuBar()->addMenu(tr("&Run"));
    QAction* train = action(
        run, tr("&Train"),
        {QKeySequence(Qt::Key_F5), QKeySequence(Qt::CTRL | Qt::Key_Return), QKeySequence(Qt::CTRL | Qt::Key_Enter)}, [this] {
            showPage<TrainPage>();
            page<TrainPage>().train();
        });
    train->setObjectName(QStringLiteral("actionTrain"));
    QAction* stop = action(run, tr("&Stop"), {QKeySequence(Qt::Key_Escape), QKeySequence(Qt::CTRL | Qt::Key_Period)},
                           [this] { page<TrainPage>().stop(); });
    stop->setObjectName(QStringLiteral("actionStop"));
    stop->setEnabled(false);
    RunWatch& watch = page<TrainPage>().watch();
    connect(&watch, &RunWatch::changed, this, [&watch, train, stop] {
        train->setEnabled(!watch.isRunning());
        stop->setEnabled(watch.isRunning() && !watch.isStopping()); // disabled, Esc stays free for other uses
    });

    m_notice->goBefore(stop);

    QMenu* view = menuBar()->addMenu(tr("&View"));
    for (int i = 0; i < m_titles.size(); ++i)
        action(view, m_titles[i], {QKeySequence(Qt::CTRL | Qt::Key(Qt::Key_1 + i))}, [this, i] { showPage(i); });
    view->addSeparator();
    view->addMenu(m_theme = new ThemeMenu(this));
    action(menuBar()->addMenu(tr("&Help")), tr("&About Phibench"), {}, [this] { about(); });
}

void MainWindow::about() {
    QMessageBox::about(
        this, tr("About Phibench"),
        tr("<h3>Phibench</h3><p>Fine-tunes small language models with LoRA on your own labels, natively.</p>"
           "<p>Free software under the GPL, version 3 or later. Plots by QCustomPlot; models computed by libtorch.</p>"));
}

} // namespace ui
