// SPDX-License-Identifier: GPL-3.0-or-later
// phibench's entry: opens the runs file, starts the runner, shows the window.
#include "app/cli_signals.h"
#include "app/runner.h"
#include "ui/document.h"
#include "ui/main_window.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QMessageBox>

#include <optional>
#include <stop_token>

int main(int argc, char** argv) {
    const std::stop_token asked = app::stopOnSignals(); // a terminal that closes must not cost a training its last steps
    QApplication application(argc, argv);
    const std::stop_callback leave(asked, [] {
        QMetaObject::invokeMethod(
            qApp, [] { QCoreApplication::exit(130); }, Qt::QueuedConnection);
    });
    QApplication::setApplicationName(QStringLiteral("Phibench"));
    QApplication::setOrganizationName(QStringLiteral("Phibench"));
    QApplication::setApplicationVersion(QStringLiteral(PHIBENCH_VERSION));

    QCommandLineParser parser;
    parser.setApplicationDescription(
        QStringLiteral("Fine-tune small language models with LoRA on a labelled CSV, and see what it changed."));
    parser.addHelpOption();
    parser.addVersionOption();
    const QCommandLineOption db(QStringLiteral("db"), QStringLiteral("The runs file."), QStringLiteral("FILE"));
    parser.addOption(db);
    parser.addPositionalArgument(QStringLiteral("FILE"), QStringLiteral("An experiment (.yaml) or a table to open."),
                                 QStringLiteral("[FILE]"));
    parser.process(application);

    ui::Theme::instance().apply(application, ui::Mode::System);

    std::optional<engine::Runs> runs;
    try {
        runs.emplace(parser.isSet(db) ? std::filesystem::path(parser.value(db).toStdString()) : engine::defaultRunsFile());
    } catch (const engine::Error& error) {
        QMessageBox box(QMessageBox::Critical, QStringLiteral("Phibench"), QString::fromStdString(error.message()));
        box.setInformativeText(error.hint().empty() ? QStringLiteral("Name another runs file with --db.")
                                                    : QString::fromStdString(error.hint()));
        box.exec();
        return 1;
    }
    app::Runner runner(*runs, app::engineJobs());
    ui::Document document(runner);
    ui::MainWindow window(runner, document);
    const QStringList files = parser.positionalArguments();
    window.restore(!files.isEmpty());
    if (!files.isEmpty()) window.open(files.constFirst());
    window.show();
    return QApplication::exec();
}
