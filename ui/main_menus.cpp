// SPDX-License-Identifier: GPL-3.0-or-later
// The window's menus, and with them its keys.
#include "ui/data/data_page.h"
#include "ui/main_window.h"
#include "ui/notice.h"
#include "ui/theme/theme_menu.h"
#include "ui/train/train_page.h"

#include <QMenuBar>
#include <QMessageBox>
#include <QUndoStack>

namespace ui {

namespace {

template <typename Run>
QAction* action(QMenu* menu, const QString& text, const QList<QKeySequence>& keys, MainWindow* window, Run run) {
    QAction* made = menu->addAction(text);
    made->setShortcuts(keys);
    QObject::connect(made, &QAction::triggered, window, run);
    return made;
}

} // namespace

void MainWindow::buildFileMenu() {
    QMenu* file = menuBar()->addMenu(tr("&File"));
    action(file, tr("&New experiment"), {QKeySequence(Qt::CTRL | Qt::Key_N)}, this, [this] {
        if (!mayLeave()) return;
        m_document.begin();
        showPage<DataPage>();
    });
    action(file, tr("&Open data or experiment…"), {QKeySequence(Qt::CTRL | Qt::Key_O)}, this, [this] { chooseFile(false); });
    QMenu* recent = file->addMenu(tr("Open &recent"));
    connect(recent, &QMenu::aboutToShow, this, [this, recent] { fillRecent(recent); });
    recent->setObjectName(QStringLiteral("recentMenu"));
    action(file, tr("&Use other data with this experiment…"), {}, this, [this] {
        chooseFile(true);
    })->setObjectName(QStringLiteral("actionUseData"));
    file->addSeparator();
    action(file, tr("&Save experiment"), {QKeySequence(Qt::CTRL | Qt::Key_S)}, this, [this] { save(false); });
    action(file, tr("Save experiment &as…"), {QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_S)}, this, [this] { save(true); });
    action(file, tr("&Duplicate"), {QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_D)}, this, [this] {
        if (mayLeave()) m_document.duplicate();
    })->setObjectName(QStringLiteral("actionDuplicate"));
    file->addSeparator();
    action(file, tr("&Quit"), {QKeySequence(Qt::CTRL | Qt::Key_Q)}, this, [this] { close(); });
}

void MainWindow::buildEditMenu() {
    QMenu* edit = menuBar()->addMenu(tr("&Edit"));
    QAction* undo = m_document.history().createUndoAction(this, tr("&Undo"));
    undo->setShortcuts({QKeySequence(Qt::CTRL | Qt::Key_Z)});
    undo->setObjectName(QStringLiteral("actionUndo"));
    QAction* redo = m_document.history().createRedoAction(this, tr("&Redo"));
    redo->setShortcuts({QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_Z), QKeySequence(Qt::CTRL | Qt::Key_Y)});
    redo->setObjectName(QStringLiteral("actionRedo"));
    edit->addActions({undo, redo});
}

void MainWindow::buildMenus() {
    buildFileMenu();
    buildEditMenu();
    QMenu* run = menuBar()->addMenu(tr("&Run"));
    QAction* train =
        action(run, tr("&Train"),
               {QKeySequence(Qt::Key_F5), QKeySequence(Qt::CTRL | Qt::Key_Return), QKeySequence(Qt::CTRL | Qt::Key_Enter)}, this,
               [this] {
                   showPage<TrainPage>();
                   page<TrainPage>().train();
               });
    train->setObjectName(QStringLiteral("actionTrain"));
    QAction* stop =
        action(run, tr("&Stop"), {QKeySequence(Qt::CTRL | Qt::Key_Period)}, this, [this] { page<TrainPage>().stop(); });
    stop->setObjectName(QStringLiteral("actionStop"));
    stop->setEnabled(false);
    RunWatch& watch = page<TrainPage>().watch();
    connect(&watch, &RunWatch::changed, this, [&watch, train, stop] {
        train->setEnabled(!watch.isRunning());
        stop->setEnabled(watch.isRunning() && !watch.isStopping());
    });

    QMenu* view = menuBar()->addMenu(tr("&View"));
    for (int i = 0; i < m_titles.size(); ++i)
        action(view, m_titles[i], {QKeySequence(Qt::CTRL | Qt::Key(Qt::Key_1 + i))}, this, [this, i] { showPage(i); });
    view->addSeparator();
    view->addMenu(m_theme = new ThemeMenu(this));
    action(menuBar()->addMenu(tr("&Help")), tr("&About Phibench"), {}, this, [this] { about(); });
}

void MainWindow::about() {
    QMessageBox::about(
        this, tr("About Phibench"),
        tr("<h3>Phibench</h3><p>Fine-tunes small language models with LoRA on your own labels, natively.</p>"
           "<p>Free software under the GPL, version 3 or later. Plots by QCustomPlot; models computed by libtorch.</p>"));
}

} // namespace ui
