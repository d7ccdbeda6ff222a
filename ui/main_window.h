// SPDX-License-Identifier: GPL-3.0-or-later
// The window: rail, pages, strip, menus. It owns no knowledge; pages ask the backend and the document.
#pragma once
#include "ui/backend.h"
#include "ui/document.h"

#include <QMainWindow>

class QStackedWidget;

namespace ui {

class ComparePage;
class DataPage;
class Notice;
class PlaygroundPage;
class PromptPage;
class Rail;
class RunsPage;
class Strip;
class ThemeMenu;
class TrainPage;

class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    enum PageIndex { Data, Prompt, Train, Results, RunsTable, Play };

    MainWindow(Backend& backend, Document& document, QWidget* parent = nullptr);
    /// A table or an experiment.
    void open(const QString& path);
    void showPage(PageIndex page);
    PageIndex currentPage() const;
    /// Window size, theme, and the experiment that was being edited when the window last closed.
    void restore();

protected:
    void closeEvent(QCloseEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    void buildMenus();
    void wirePages();
    void chooseFile();
    bool save(bool asNew);
    void refreshTitle();
    void about();

    Backend& m_backend;
    Document& m_document;
    Rail* m_rail = nullptr;
    QStackedWidget* m_pages = nullptr;
    Strip* m_strip = nullptr;
    Notice* m_notice = nullptr;
    DataPage* m_data = nullptr;
    PromptPage* m_prompt = nullptr;
    TrainPage* m_train = nullptr;
    ComparePage* m_results = nullptr;
    RunsPage* m_runs = nullptr;
    PlaygroundPage* m_play = nullptr;
    ThemeMenu* m_theme = nullptr;
};

} // namespace ui
