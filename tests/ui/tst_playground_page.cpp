// SPDX-License-Identifier: GPL-3.0-or-later
// The Play page under a scripted backend.
#include "tests/support/fake_backend.h"
#include "ui/playground/playground_page.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTest>

using testing_support::FakeBackend;

class TestPlaygroundPage : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void init() {
        m_backend = std::make_unique<FakeBackend>();
        m_document = std::make_unique<ui::Document>(*m_backend);
        m_page = std::make_unique<ui::PlaygroundPage>(*m_backend, *m_document);
    }
    void cleanup() {
        m_page.reset();
        m_document.reset();
        m_backend.reset();
    }

    void streamsAndIgnoresStaleTokens() {
        find<QPlainTextEdit>("playPrompt")->setPlainText(QStringLiteral("Say it"));
        find<QDoubleSpinBox>("playTemperature")->setValue(0.7);
        QTest::mouseClick(find<QPushButton>("playRun"), Qt::LeftButton);
        QCOMPARE(m_backend->prompts.size(), std::size_t(1));
        QCOMPARE(m_backend->prompts[0].prompt, QStringLiteral("Say it"));
        QCOMPARE(m_backend->prompts[0].options.temperature, 0.7);
        QCOMPARE(find<QPushButton>("playRun")->text(), QStringLiteral("Stop"));
        const quint64 token = lastToken();
        Q_EMIT m_backend->playgroundToken(token, 0, QStringLiteral("wel"));
        Q_EMIT m_backend->playgroundToken(token + 7, 0, QStringLiteral("STALE"));
        Q_EMIT m_backend->playgroundToken(token, 0, QStringLiteral("come"));
        QCOMPARE(find<QPlainTextEdit>("playAnswer0")->toPlainText(), QStringLiteral("welcome"));
        Q_EMIT m_backend->playgroundFinished(token, 0, QStringLiteral("welcome"), QStringLiteral("2 tokens"));
        QCOMPARE(find<QLabel>("playFacts0")->text(), QStringLiteral("2 tokens"));
        QCOMPARE(find<QPushButton>("playRun")->text(), QStringLiteral("Run"));
        QVERIFY(find<QPushButton>("playHistory")->isEnabled());
    }

    void stops() {
        find<QPlainTextEdit>("playPrompt")->setPlainText(QStringLiteral("Say it"));
        QTest::mouseClick(find<QPushButton>("playRun"), Qt::LeftButton);
        Q_EMIT m_backend->playgroundToken(lastToken(), 0, QStringLiteral("half"));
        QTest::mouseClick(find<QPushButton>("playRun"), Qt::LeftButton);
        QCOMPARE(m_backend->promptStops, 1);
        Q_EMIT m_backend->playgroundFinished(lastToken(), 0, QString(), QStringLiteral("stopped"));
        QCOMPARE(find<QPlainTextEdit>("playAnswer0")->toPlainText(), QStringLiteral("half")); // what came is kept
        QCOMPARE(find<QPushButton>("playRun")->text(), QStringLiteral("Run"));
    }

    void saysWhatIsWrong() {
        QTest::mouseClick(find<QPushButton>("playRun"), Qt::LeftButton);
        QVERIFY(m_backend->prompts.empty());
        QVERIFY(!find<QLabel>("playProblem")->isHidden());
        find<QPlainTextEdit>("playPrompt")->setPlainText(QStringLiteral("x"));
        QTest::mouseClick(find<QPushButton>("playRun"), Qt::LeftButton);
        QVERIFY(find<QLabel>("playProblem")->isHidden());
        Q_EMIT m_backend->playgroundFailed(lastToken(), QStringLiteral("No such model."), QStringLiteral("Name another."));
        QCOMPARE(find<QLabel>("playProblem")->text(), QStringLiteral("No such model. Name another."));
        QCOMPARE(find<QPushButton>("playRun")->text(), QStringLiteral("Run"));
    }

    void offersFinishedTrainings() {
        QCOMPARE(find<QComboBox>("playAdapter")->count(), 1);
        engine::NewRun run;
        run.name = "tuned";
        run.experimentYaml = "name: tuned\n";
        run.params = {{"model.path", "/models/tiny"}, {"model.precision", "fp32"}};
        const engine::RunId id = m_backend->runs().begin(run);
        m_backend->runs().addArtifact(id, {"adapter", "/runs/1/adapter", std::string(64, 'a')});
        m_backend->runs().finish(id, engine::RunState::Done, "done");
        Q_EMIT m_backend->runsChanged();
        QCOMPARE(find<QComboBox>("playAdapter")->count(), 2);
        m_page->useRun(id);
        QCOMPARE(find<QComboBox>("playAdapter")->currentData().toLongLong(), id);
        find<QPlainTextEdit>("playPrompt")->setPlainText(QStringLiteral("x"));
        QTest::mouseClick(find<QPushButton>("playRun"), Qt::LeftButton);
        QCOMPARE(m_backend->prompts[0].adapter, QStringLiteral("/runs/1/adapter"));
        QCOMPARE(m_backend->prompts[0].model, QStringLiteral("/models/tiny"));
        Q_EMIT m_backend->playgroundFinished(lastToken(), 0, QStringLiteral("a"), QStringLiteral("1 tokens"));
        QCOMPARE(find<QPushButton>("playRun")->text(), QStringLiteral("Stop")); // the adapter has yet to answer
        Q_EMIT m_backend->playgroundFinished(lastToken(), 1, QStringLiteral("b"), QStringLiteral("1 tokens"));
        QCOMPARE(find<QPushButton>("playRun")->text(), QStringLiteral("Run"));
        QCOMPARE(find<QPlainTextEdit>("playAnswer1")->toPlainText(), QStringLiteral("b"));
    }

private:
    template <class W> W* find(const char* name) {
        W* widget = m_page->findChild<W*>(QString::fromLatin1(name));
        if (!widget) qFatal("no widget called %s", name);
        return widget;
    }
    quint64 lastToken() const { return m_backend->prompts.size(); } // nothing else was asked of it

    std::unique_ptr<FakeBackend> m_backend;
    std::unique_ptr<ui::Document> m_document;
    std::unique_ptr<ui::PlaygroundPage> m_page;
};

QTEST_MAIN(TestPlaygroundPage)
#include "tst_playground_page.moc"
