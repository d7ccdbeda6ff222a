// SPDX-License-Identifier: GPL-3.0-or-later
// The whole window over a backend without a model, and whoever answers its questions.
#pragma once
#include "tests/support/fake_backend.h"
#include "tests/support/moods_csv.h"
#include "ui/document.h"
#include "ui/main_window.h"

#include <QAbstractButton>
#include <QApplication>
#include <QMessageBox>
#include <QTemporaryDir>
#include <QTimer>
#include <QtTest>

namespace testing_support {

struct Scene {
    QTemporaryDir folder;
    FakeBackend backend;
    ui::Document document{backend};
    ui::MainWindow window{backend, document};

    Scene() {
        window.show();
        if (!QTest::qWaitForWindowActive(&window)) qFatal("the window is not active");
    }
    QString csv() { return writeMoods(folder.path()); }
    void load() {
        window.open(csv());
        QTRY_VERIFY(document.dataset());
        document.set(QStringLiteral("data.split.train_per_label"), QStringLiteral("20"));
        document.set(QStringLiteral("data.split.test_per_label"), QStringLiteral("10"));
    }
    template <typename T> T* find(const char* name) {
        auto* found = window.findChild<T*>(QLatin1String(name));
        if (!found) qFatal("there is no %s", name);
        return found;
    }
};

/// Presses a button of the next question.
struct Answer {
    Answer(const char* question, QMessageBox::StandardButton button)
        : Answer(question, [button](QMessageBox& box) { return box.button(button); }) {}
    Answer(const char* question, const QString& text)
        : Answer(question, [text](QMessageBox& box) {
              for (QAbstractButton* button : box.buttons())
                  if (button->text() == text) return button;
              return static_cast<QAbstractButton*>(nullptr);
          }) {}
    template <typename Choose> Answer(const char* question, Choose choose) {
        QObject::connect(&m_timer, &QTimer::timeout, &m_timer, [this, question, choose] {
            auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget());
            if (!box || box->objectName() != QLatin1String(question)) return;
            m_timer.stop();
            asked = true;
            if (QAbstractButton* button = choose(*box))
                QTest::mouseClick(button, Qt::LeftButton);
            else
                box->reject();
        });
        m_timer.start(10);
    }
    bool asked = false;

private:
    QTimer m_timer;
};

} // namespace testing_support
