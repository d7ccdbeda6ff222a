// SPDX-License-Identifier: GPL-3.0-or-later
// The window's documents: what is opened, saved, and asked before something is lost.
#include "ui/data/data_page.h"
#include "ui/data/drop_target.h"
#include "ui/engine_text.h"
#include "ui/main_window.h"
#include "ui/notice.h"
#include "ui/session.h"
#include "ui/train/train_page.h"

#include <QCloseEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QMenu>
#include <QMessageBox>
#include <QPushButton>
#include <QSettings>

namespace ui {

namespace {

constexpr int kRecent = 10;
const QString kRecentKey = QStringLiteral("recent");

bool isExperiment(const QString& path) {
    const QString suffix = QFileInfo(path).suffix().toLower();
    return suffix == QLatin1String("yaml") || suffix == QLatin1String("yml");
}

QString nameOf(const Document& document) {
    return document.filePath().isEmpty() ? fromText(document.experiment().name) : QFileInfo(document.filePath()).fileName();
}

} // namespace

void MainWindow::open(const QString& path) {
    m_notice->dismiss();
    if (!isExperiment(path)) return openTable(path);
    try {
        static_cast<void>(engine::loadExperiment(toPath(path)));
        if (!mayLeave()) return;
    } catch (const engine::Error&) { // nothing is left for it: opening says what is wrong
    }
    showPage<TrainPage>();
    m_document.open(path);
    if (m_document.filePath() == QFileInfo(path).absoluteFilePath()) rememberRecent(path);
}

void MainWindow::openTable(const QString& path) {
    const auto& experiment = m_document.experiment();
    const bool hasData = !experiment.data.csv.empty();
    const bool again = hasData && engine::dataPath(experiment) == toPath(QFileInfo(path).absoluteFilePath());
    const bool isLost = hasData && !m_document.table() && !m_document.isLoading(); // its data is not where it was
    if (isLost && !again) return useData(path);
    if (hasData && !again && !mayLeave()) return;
    const Document::Snapshot before = m_document.snapshot();
    const QString name = nameOf(m_document);
    showPage<DataPage>();
    m_document.open(path);
    rememberRecent(path);
    if (!hasData || again) return;
    m_notice->tell(tr("%1 began a new experiment.").arg(QFileInfo(path).fileName()), tr("Use it with %1 instead").arg(name),
                   [this, before, path] {
                       m_document.restore(before);
                       useData(path);
                   });
}

void MainWindow::useData(const QString& path) {
    m_document.useData(path);
    rememberRecent(path);
    showPage<DataPage>();
    m_notice->tell(
        tr("%1 is now the data of %2. Do prompt and labels still fit?").arg(QFileInfo(path).fileName(), nameOf(m_document)),
        tr("Look at the prompt"), [this] { showPage(1); });
}

void MainWindow::showRecorded(const QString& yaml) {
    if (!mayLeave()) return;
    try {
        m_document.begin(engine::parseRecorded(yaml.toStdString(), tr("The run").toStdString()));
        showPage<TrainPage>();
    } catch (const engine::Error& error) { m_notice->say(fromText(error.what())); }
}

void MainWindow::chooseFile(bool forThisExperiment) {
    QSettings settings;
    const QString tables = tr("Data (*.%1);;All files (*)"), all = tr("Data and experiments (*.%1);;All files (*)");
    QStringList endings = openedEndings();
    if (forThisExperiment) endings.removeIf([](const QString& ending) { return isExperiment(QStringLiteral("x.") + ending); });
    const QString path =
        QFileDialog::getOpenFileName(this, tr("Open"), settings.value(QStringLiteral("folder")).toString(),
                                     (forThisExperiment ? tables : all).arg(endings.join(QStringLiteral(" *."))));
    if (path.isEmpty()) return;
    settings.setValue(QStringLiteral("folder"), QFileInfo(path).absolutePath());
    forThisExperiment ? useData(path) : open(path);
}

bool MainWindow::save(bool asNew) {
    QString path = m_document.filePath();
    if (path.isEmpty() || asNew) {
        const QString name = fromText(m_document.experiment().name) + QStringLiteral(".yaml");
        path = QFileDialog::getSaveFileName(
            this, tr("Save experiment"),
            path.isEmpty() ? QSettings().value(QStringLiteral("folder")).toString() + QLatin1Char('/') + name : path,
            tr("Experiments (*.yaml *.yml)"));
        if (path.isEmpty()) return false;
        if (QFileInfo(path).suffix().isEmpty()) path += QStringLiteral(".yaml");
    } else if (m_document.isChangedOnDisk() && QFileInfo::exists(path) && !mayReplaceFile()) {
        return false;
    }
    page<TrainPage>().flush();
    QString problem;
    const bool saved = m_document.save(path, &problem);
    if (saved) {
        m_notice->dismiss();
        rememberRecent(path);
    } else {
        m_notice->say(problem);
    }
    return saved;
}

bool MainWindow::mayReplaceFile() {
    QMessageBox box(QMessageBox::Warning, tr("Phibench"),
                    tr("%1 was changed by another program since it was opened.").arg(nameOf(m_document)), QMessageBox::NoButton,
                    this);
    box.setObjectName(QStringLiteral("changedOnDisk"));
    box.setInformativeText(tr("Saving replaces what that program wrote."));
    QPushButton* replace = box.addButton(tr("Replace it"), QMessageBox::DestructiveRole);
    QPushButton* other = box.addButton(tr("Save as…"), QMessageBox::AcceptRole);
    box.addButton(QMessageBox::Cancel);
    box.setDefaultButton(other);
    box.exec();
    if (box.clickedButton() == other) save(true);
    return box.clickedButton() == replace;
}

bool MainWindow::mayLeave() {
    page<TrainPage>().flush();
    if (!m_document.isModified()) return true;
    QMessageBox box(QMessageBox::Question, tr("Phibench"), tr("Save the changes of %1?").arg(nameOf(m_document)),
                    QMessageBox::Save | QMessageBox::Discard | QMessageBox::Cancel, this);
    box.setObjectName(QStringLiteral("unsaved"));
    box.setInformativeText(tr("Otherwise they are lost; runs keep their own settings."));
    box.setDefaultButton(QMessageBox::Save);
    switch (box.exec()) {
    case QMessageBox::Save: return save(false);
    case QMessageBox::Discard: return true;
    default: return false;
    }
}

void MainWindow::changeEvent(QEvent* event) {
    QMainWindow::changeEvent(event);
    if (event->type() == QEvent::ActivationChange && isActiveWindow()) noticeChangeOnDisk();
}

void MainWindow::noticeChangeOnDisk() {
    const QString path = m_document.filePath();
    if (path.isEmpty() || !QFileInfo::exists(path) || !m_document.isChangedOnDisk()) return;
    m_notice->tell(m_document.isModified()
                       ? tr("%1 was changed by another program; reading it again drops your changes.").arg(nameOf(m_document))
                       : tr("%1 was changed by another program.").arg(nameOf(m_document)),
                   tr("Read it again"), [this, path] { m_document.open(path); });
}

void MainWindow::rememberRecent(const QString& path) {
    QSettings settings;
    QStringList recent = settings.value(kRecentKey).toStringList();
    const QString absolute = QFileInfo(path).absoluteFilePath();
    recent.removeAll(absolute);
    recent.prepend(absolute);
    settings.setValue(kRecentKey, QStringList(recent.mid(0, kRecent)));
}

void MainWindow::fillRecent(QMenu* menu) {
    menu->clear();
    const QStringList recent = QSettings().value(kRecentKey).toStringList();
    for (const QString& path : recent) {
        QString text = QFileInfo(path).fileName() + QStringLiteral("  –  ") + QFileInfo(path).absolutePath();
        QAction* action =
            menu->addAction(text.replace(QLatin1Char('&'), QStringLiteral("&&")), this, [this, path] { open(path); });
        action->setEnabled(QFileInfo::exists(path));
    }
    if (recent.isEmpty()) {
        menu->addAction(tr("Nothing was opened yet"))->setEnabled(false);
        return;
    }
    menu->addSeparator();
    menu->addAction(tr("Forget these"), this, [] { QSettings().remove(kRecentKey); });
}

void MainWindow::refreshTitle() {
    setWindowTitle(tr("%1[*] – Phibench").arg(nameOf(m_document)));
    setWindowModified(m_document.isModified());
}

bool MainWindow::mayClose() {
    const RunWatch& watch = page<TrainPage>().watch();
    if (watch.isRunning()) {
        QMessageBox box(QMessageBox::Question, tr("Phibench"),
                        watch.run() ? tr("Run %1 is under way.").arg(*watch.run()) : tr("A run is under way."),
                        QMessageBox::NoButton, this);
        box.setObjectName(QStringLiteral("runUnderWay"));
        box.setInformativeText(tr("Stopping keeps a checkpoint of a training, from which it can go on."));
        QPushButton* leave = box.addButton(tr("Stop and keep"), QMessageBox::AcceptRole);
        QPushButton* stay = box.addButton(tr("Stay"), QMessageBox::RejectRole);
        box.setDefaultButton(stay);
        box.setEscapeButton(stay);
        box.exec();
        if (box.clickedButton() != leave) return false;
    }
    if (!mayLeave()) return false;
    if (!watch.isRunning()) return true;
    m_closesWhenIdle = true;
    page<TrainPage>().watch().stop();
    return false;
}

void MainWindow::closeEvent(QCloseEvent* event) {
    if (m_asks) return event->ignore(); // its question is still open
    m_asks = true;
    const bool goes = m_closesWhenIdle ? !page<TrainPage>().watch().isRunning() : mayClose();
    m_asks = false;
    if (!goes) return event->ignore();
    QSettings().setValue(QStringLiteral("geometry"), saveGeometry());
    rememberDocument(m_document);
    event->accept();
}

} // namespace ui
