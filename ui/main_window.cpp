// SPDX-License-Identifier: GPL-3.0-or-later
// Builds the window and connects the pages to one another.
#include "ui/main_window.h"

#include "ui/compare/compare_page.h"
#include "ui/data/data_page.h"
#include "ui/data/drop_target.h"
#include "ui/engine_text.h"
#include "ui/notice.h"
#include "ui/playground/playground_page.h"
#include "ui/prompt/prompt_page.h"
#include "ui/rail.h"
#include "ui/runs/runs_page.h"
#include "ui/session.h"
#include "ui/strip.h"
#include "ui/theme/theme_menu.h"
#include "ui/train/train_page.h"

#include <QCloseEvent>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QSettings>
#include <QStackedWidget>
#include <QVBoxLayout>

namespace ui {

MainWindow::MainWindow(Backend& backend, Document& document, QWidget* parent)
    : QMainWindow(parent), m_backend(backend), m_document(document) {
    setWindowIcon(QIcon(QStringLiteral(":/icons/phibench.svg")));
    setAcceptDrops(true);
    setMinimumSize(1160, 640);
    resize(1280, 720);

    auto* centre = new QWidget;
    auto* row = new QHBoxLayout(centre);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(0);
    m_rail = new Rail;
    auto* column = new QVBoxLayout;
    column->setSpacing(0);
    m_pages = new QStackedWidget;
    m_train = new TrainPage(backend, document);
    m_strip = new Strip(m_train->watch());
    m_notice = new Notice;
    column->addWidget(m_notice);
    column->addWidget(m_pages, 1);
    column->addWidget(m_strip);
    row->addWidget(m_rail);
    row->addLayout(column, 1);
    setCentralWidget(centre);

    const auto add = [this](QWidget* page, const char* button, const QString& text, const char* icon) {
        m_pages->addWidget(page);
        m_rail->add(QLatin1String(button), text, QLatin1String(icon), QStringLiteral("Ctrl+%1").arg(m_pages->count()));
    };
    add(m_data = new DataPage(backend, document), "railData", tr("Data"), "data");
    add(m_prompt = new PromptPage(backend, document), "railPrompt", tr("Prompt"), "prompt");
    add(m_train, "railTrain", tr("Train"), "train");
    add(m_results = new ComparePage(backend, document), "railResults", tr("Results"), "results");
    add(m_runs = new RunsPage(backend, document), "railRuns", tr("Runs"), "runs");
    add(m_play = new PlaygroundPage(backend, document), "railPlay", tr("Play"), "play");
    wirePages();
    buildMenus();
    showPage(Data);
    refreshTitle();
}

void MainWindow::wirePages() {
    connect(m_rail, &Rail::chosen, this, [this](int index) { showPage(PageIndex(index)); });
    connect(m_strip, &Strip::clicked, this, [this] { showPage(Train); });
    connect(m_data, &DataPage::openRequested, this, &MainWindow::chooseFile);
    connect(m_data, &DataPage::nextRequested, this, [this] { showPage(Prompt); });
    connect(m_prompt, &PromptPage::nextRequested, this, [this] { showPage(Train); });
    connect(m_prompt, &PromptPage::dataRequested, this, [this] { showPage(Data); });
    connect(m_train, &TrainPage::dataRequested, this, [this] { showPage(Data); });
    connect(m_train, &TrainPage::promptRequested, this, [this] { showPage(Prompt); });
    connect(&m_train->watch(), &RunWatch::changed, this, [this] { m_rail->setBusy(Train, m_train->watch().isRunning()); });
    const auto compare = [this](const QList<engine::RunId>& runs) {
        m_results->showRuns(runs);
        showPage(Results);
    };
    connect(m_train, &TrainPage::resultsRequested, this, compare);
    connect(m_runs, &RunsPage::compareRequested, this, compare);
    connect(m_runs, &RunsPage::trainRequested, this, [this] { showPage(Train); });
    connect(m_runs, &RunsPage::experimentRequested, this, [this](const QString& yaml) {
        try {
            engine::Experiment recorded = engine::parseRecorded(yaml.toStdString(), tr("The run").toStdString());
            recorded.directory = m_document.experiment().directory;
            m_document.setExperiment(std::move(recorded));
            showPage(Train);
        } catch (const engine::Error& error) { m_notice->say(fromText(error.what())); }
    });
    connect(m_runs, &RunsPage::resumeRequested, this, [this](engine::RunId run) {
        if (m_backend.resume(run))
            showPage(Train);
        else
            m_notice->say(tr("A run is under way already; it must end first."));
    });
    connect(m_results, &ComparePage::trainRequested, this, [this] { showPage(Train); });
    connect(m_results, &ComparePage::promptRequested, this, [this](engine::RunId run) {
        m_play->useRun(run);
        showPage(Play);
    });
    connect(&m_backend, &Backend::idle, this, [this](const QList<engine::RunId>& runs) {
        if (!runs.isEmpty() && m_pages->currentIndex() != Results)
            m_results->showRuns(runs); // there when one goes to look, and never under one's eyes
    });
    connect(&m_document, &Document::openFailed, this, [this](const QString& message, const QString& hint) {
        if (m_document.table() || currentPage() != Data) // else the Data page says it where the data would be
            m_notice->say(hint.isEmpty() ? message : message + QLatin1Char(' ') + hint);
    });
    connect(&m_document, &Document::experimentChanged, this, &MainWindow::refreshTitle);
}

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
            showPage(Train);
            m_train->train();
        });
    train->setObjectName(QStringLiteral("actionTrain"));
    QAction* stop = action(run, tr("&Stop"), {QKeySequence(Qt::Key_Escape), QKeySequence(Qt::CTRL | Qt::Key_Period)},
                           [this] { m_train->stop(); });
    stop->setObjectName(QStringLiteral("actionStop"));
    stop->setEnabled(false);
    connect(&m_train->watch(), &RunWatch::changed, this, [this, train, stop] {
        train->setEnabled(!m_train->watch().isRunning());
        stop->setEnabled(m_train->watch().isRunning() &&
                         !m_train->watch().isStopping()); // disabled, Esc stays free for other uses
    });

    m_notice->goBefore(stop);

    QMenu* view = menuBar()->addMenu(tr("&View"));
    const QStringList names{tr("Data"), tr("Prompt"), tr("Train"), tr("Results"), tr("Runs"), tr("Play")};
    for (int i = 0; i < names.size(); ++i)
        action(view, names[i], {QKeySequence(Qt::CTRL | Qt::Key(Qt::Key_1 + i))}, [this, i] { showPage(PageIndex(i)); });
    view->addSeparator();
    view->addMenu(m_theme = new ThemeMenu(this));
    action(menuBar()->addMenu(tr("&Help")), tr("&About Phibench"), {}, [this] { about(); });
}

void MainWindow::open(const QString& path) {
    m_notice->dismiss();
    const QString suffix = QFileInfo(path).suffix().toLower();
    const bool experiment = suffix == QLatin1String("yaml") || suffix == QLatin1String("yml");
    showPage(experiment ? Train : Data);
    m_document.open(path);
}

void MainWindow::showPage(PageIndex page) {
    m_pages->setCurrentIndex(page);
    m_rail->setCurrent(page);
}

MainWindow::PageIndex MainWindow::currentPage() const {
    return PageIndex(m_pages->currentIndex());
}

void MainWindow::chooseFile() {
    QSettings settings;
    const QString path = QFileDialog::getOpenFileName(
        this, tr("Open"), settings.value(QStringLiteral("folder")).toString(),
        tr("Data and experiments (*.%1);;All files (*)").arg(openedEndings().join(QStringLiteral(" *."))));
    if (path.isEmpty()) return;
    settings.setValue(QStringLiteral("folder"), QFileInfo(path).absolutePath());
    open(path);
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
    }
    QString problem;
    const bool saved = m_document.save(path, &problem);
    if (saved)
        m_notice->dismiss();
    else
        m_notice->say(problem);
    return saved;
}

void MainWindow::refreshTitle() {
    const QString file = m_document.filePath();
    setWindowTitle(
        tr("%1[*] – Phibench").arg(file.isEmpty() ? fromText(m_document.experiment().name) : QFileInfo(file).fileName()));
    setWindowModified(m_document.isModified() && !file.isEmpty());
}

void MainWindow::restore() {
    restoreGeometry(QSettings().value(QStringLiteral("geometry")).toByteArray());
    m_theme->restore();
    restoreDocument(m_document);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    QSettings().setValue(QStringLiteral("geometry"), saveGeometry());
    rememberDocument(m_document);
    event->accept();
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (!droppedFile(event->mimeData()).isEmpty()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
    const QString path = droppedFile(event->mimeData());
    if (path.isEmpty()) return;
    event->acceptProposedAction();
    open(path);
}

void MainWindow::about() {
    QMessageBox::about(
        this, tr("About Phibench"),
        tr("<h3>Phibench</h3><p>Fine-tunes small language models with LoRA on your own labels, natively.</p>"
           "<p>Free software under the GPL, version 3 or later. Plots by QCustomPlot; models computed by libtorch.</p>"));
}

} // namespace ui
