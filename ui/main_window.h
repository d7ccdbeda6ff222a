// SPDX-License-Identifier: GPL-3.0-or-later
// The window: rail, pages, strip, menus. It owns no knowledge; pages ask the backend and the document.
#pragma once
#include "ui/backend.h"
#include "ui/document.h"

#include <QMainWindow>

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
    /// A table or an experiment.
    void open(const QString& path);
    template <class Page> void showPage() { showPage(indexOf(Page::staticMetaObject)); }
    template <class Page> bool isShown() const { return currentPage() == indexOf(Page::staticMetaObject); }
    void showPage(int index); // by place in the rail
    int currentPage() const;
    /// Window size, theme, and the experiment that was being edited when the window last closed.
    void restore();

protected:
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
    QStringList m_titles; // of the pages
    ThemeMenu* m_theme = nullptr;
};

} // namespace ui
