// SPDX-License-Identifier: GPL-3.0-or-later
// phibench-cli as a process, for tests.
#pragma once
#include <QByteArray>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QStringList>

namespace testing_support {

inline constexpr int kCliTimeoutMs = 300'000;

struct CliResult {
    int code = -1; // -1: it crashed or did not end
    QByteArray out, err;
    /// Every line of standard output as JSON; an undefined value for a line that is none.
    QList<QJsonValue> lines() const {
        QList<QJsonValue> values;
        for (const QByteArray& line : out.split('\n')) {
            if (line.isEmpty()) continue;
            // QJsonDocument knows objects and arrays only.
            const QJsonDocument document = QJsonDocument::fromJson("[" + line + "]");
            values.append(document.isArray() && document.array().size() == 1 ? document.array().at(0)
                                                                             : QJsonValue(QJsonValue::Undefined));
        }
        return values;
    }
    QJsonObject last() const {
        const QList<QJsonValue> all = lines();
        return all.isEmpty() ? QJsonObject() : all.last().toObject();
    }
};

/// Prepares phibench-cli with its data under `home`.
inline void prepareCli(QProcess& process, const QString& home, const QStringList& arguments) {
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.remove(QStringLiteral("PHIBENCH_DB"));
    environment.insert(QStringLiteral("XDG_DATA_HOME"), home);
    environment.insert(QStringLiteral("HF_HOME"), home + QStringLiteral("/hub"));
    process.setProcessEnvironment(environment);
    process.setProgram(QStringLiteral(PHIBENCH_BINARY_DIR "/phibench-cli"));
    process.setArguments(arguments);
}

inline CliResult finishCli(QProcess& process) {
    CliResult result;
    if (process.waitForFinished(kCliTimeoutMs) && process.exitStatus() == QProcess::NormalExit) result.code = process.exitCode();
    result.out = process.readAllStandardOutput();
    result.err = process.readAllStandardError();
    return result;
}

inline CliResult runCli(const QString& home, const QStringList& arguments, const QByteArray& input = {}) {
    QProcess process;
    prepareCli(process, home, arguments);
    process.start();
    process.write(input);
    process.closeWriteChannel();
    return finishCli(process);
}

} // namespace testing_support
