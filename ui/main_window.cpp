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
    addPages();
    RunWatch& watch = page<TrainPage>().watch();
    m_strip = new Strip(watch);
    m_notice = new Notice;
    column->addWidget(m_notice);
    column->addWidget(m_pages, 1);
    column->addWidget(m_strip);
    row->addWidget(m_rail);
    row->addLayout(column, 1);
    setCentralWidget(centre);

    wirePages();
    buildMenus();
    showPage<DataPage>();
    refreshTitle();
}

void MainWindow::addPages() {
    addPage(new DataPage(m_backend, m_document), "Data", tr("Data"));
    addPage(new PromptPage(m_backend, m_document), "Prompt", tr("Prompt"));
    addPage(new TrainPage(m_backend, m_document), "Train", tr("Train"));
    addPage(new ComparePage(m_backend, m_document), "Results", tr("Results"));
    addPage(new RunsPage(m_backend, m_document), "Runs", tr("Runs"));
    addPage(new PlaygroundPage(m_backend, m_document), "Play", tr("Play"));
}

/// key: its button is "rail" + key, its icon the key in small letters.
void MainWindow::addPage(QWidget* page, const char* key, const QString& title) {
    m_pages->addWidget(page);
    m_titles << title;
    m_rail->add(QLatin1String("rail") + QLatin1String(key), title, QString::fromLatin1(key).toLower(),
                QStringLiteral("Ctrl+%1").arg(m_pages->count()));
}

int MainWindow::indexOf(const QMetaObject& type) const {
    int index = m_pages->count() - 1;
    while (index >= 0 && m_pages->widget(index)->metaObject() != &type) --index;
    return index;
}

QWidget& MainWindow::pageOf(const QMetaObject& type) const {
    return *m_pages->widget(indexOf(type));
}

void MainWindow::wirePages() {
    auto& table = page<DataPage>();
    auto& prompt = page<PromptPage>();
    auto& train = page<TrainPage>();
    auto& results = page<ComparePage>();
    auto& runs = page<RunsPage>();
    auto& play = page<PlaygroundPage>();
    connect(m_rail, &Rail::chosen, this, [this](int index) { showPage(index); });
    connect(m_strip, &Strip::stopRequested, &train, &TrainPage::stop);
    connect(m_strip, &Strip::clicked, this, [this] { showPage<TrainPage>(); });
    connect(&table, &DataPage::openRequested, this, [this] { chooseFile(false); });
    connect(&table, &DataPage::fileRequested, this, &MainWindow::open);
    connect(&table, &DataPage::nextRequested, this, [this] { showPage<PromptPage>(); });
    connect(&prompt, &PromptPage::nextRequested, this, [this] { showPage<TrainPage>(); });
    connect(&prompt, &PromptPage::dataRequested, this, [this] { showPage<DataPage>(); });
    connect(&train, &TrainPage::dataRequested, this, [this] { showPage<DataPage>(); });
    connect(&train, &TrainPage::promptRequested, this, [this] { showPage<PromptPage>(); });
    connect(&train.watch(), &RunWatch::changed, this,
            [this, &train] { m_rail->setBusy(indexOf(TrainPage::staticMetaObject), train.watch().isRunning()); });
    const auto compare = [this, &results](const QList<engine::RunId>& chosen) {
        results.showRuns(chosen);
        showPage<ComparePage>();
    };
    connect(&train, &TrainPage::resultsRequested, this, compare);
    connect(&runs, &RunsPage::compareRequested, this, compare);
    connect(&runs, &RunsPage::trainRequested, this, [this] { showPage<TrainPage>(); });
    connect(&runs, &RunsPage::experimentRequested, this, &MainWindow::showRecorded);
    connect(&runs, &RunsPage::resumeRequested, this, [this](engine::RunId run) {
        if (m_backend.resume(run))
            showPage<TrainPage>();
        else
            m_notice->say(tr("A run is under way already; it must end first."));
    });
    connect(&results, &ComparePage::trainRequested, this, [this] { showPage<TrainPage>(); });
    connect(&results, &ComparePage::promptRequested, this, [this, &play](engine::RunId run) {
        play.useRun(run);
        showPage<PlaygroundPage>();
    });
    connect(&m_backend, &Backend::idle, this, [this, &results](const QList<engine::RunId>& ended) {
        if (!ended.isEmpty() && !isShown<ComparePage>())
            results.showRuns(ended); // there when one goes to look, and never under one's eyes
    });
    connect(&m_document, &Document::openFailed, this, [this](const QString& message, const QString& hint) {
        if (m_document.table() || !isShown<DataPage>()) // else the Data page says it where the data would be
            m_notice->say(hint.isEmpty() ? message : message + QLatin1Char(' ') + hint);
    });
    connect(&m_document, &Document::experimentChanged, this, &MainWindow::refreshTitle);
    connect(&m_document, &Document::modifiedChanged, this, &MainWindow::refreshTitle);
    connect(&m_backend, &Backend::idle, this, [this] {
        if (m_closesWhenIdle) close();
    });
}

void MainWindow::showPage(int index) {
    m_pages->setCurrentIndex(index);
    m_rail->setCurrent(index);
}

int MainWindow::currentPage() const {
    return m_pages->currentIndex();
}

void MainWindow::restore(bool isFileNamed) {
    restoreGeometry(QSettings().value(QStringLiteral("geometry")).toByteArray());
    m_theme->restore();
    if (!isFileNamed) restoreDocument(m_document);
    page<TrainPage>().offerToGoOn();
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

} // namespace ui
