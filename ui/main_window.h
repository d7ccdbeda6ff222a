// SPDX-License-Identifier: GPL-3.0-or-later
// The window: rail, pages, strip, menus. It owns no knowledge; pages ask the backend and the document.
#pragma once
#include "ui/backend.h"
#include "ui/document.h"

#include <QMainWindow>

class QMenu;
class QStackedWidget;

namespace ui {

class Notice;
class Rail;
class Strip;
class ThemeMenu;

class MainWindow : public QMainWindow {
    Q_OBJECT
public:
    MainWindow(Backend& backend, Document& document, QWidget* parent = nullptr);
    /// A table or an experiment; asks before something unsaved is lost.
    void open(const QString& path);
    template <class Page> void showPage() { showPage(indexOf(Page::staticMetaObject)); }
    template <class Page> bool isShown() const { return currentPage() == indexOf(Page::staticMetaObject); }
    void showPage(int index); // by place in the rail
    int currentPage() const;
    /// Window size, theme, the offer to go on with a run that was stopped, and the experiment that was being edited when the
    /// window last closed unless a file was named.
    void restore(bool isFileNamed = false);

protected:
    void changeEvent(QEvent* event) override;
    void closeEvent(QCloseEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dropEvent(QDropEvent* event) override;

private:
    template <class Page> Page& page() { return static_cast<Page&>(pageOf(Page::staticMetaObject)); }
    QWidget& pageOf(const QMetaObject& type) const;
    int indexOf(const QMetaObject& type) const;
    void addPage(QWidget* page, const char* key, const QString& title);
    void addPages();
    void wirePages();
    void buildMenus();
    void buildFileMenu();
    void buildEditMenu();
    void about();
    // Documents: main_files.cpp.
    void chooseFile(bool forThisExperiment);
    void openTable(const QString& path);
    void useData(const QString& path);
    void showRecorded(const QString& yaml);
    bool save(bool asNew);
    /// Asks whether to save what has changed; false: the person stays.
    bool mayLeave();
    bool mayReplaceFile();
    void noticeChangeOnDisk();
    void rememberRecent(const QString& path);
    void fillRecent(QMenu* menu);
    bool mayClose();
    void refreshTitle();

    Backend& m_backend;
    Document& m_document;
    Rail* m_rail = nullptr;
    QStackedWidget* m_pages = nullptr;
    Strip* m_strip = nullptr;
    Notice* m_notice = nullptr;
    QStringList m_titles; // of the pages
    ThemeMenu* m_theme = nullptr;
    bool m_closesWhenIdle = false;
    bool m_asks = false; // one question at a time
};

} // namespace ui
