// SPDX-License-Identifier: GPL-3.0-or-later
// Labelled sentences for the window's tests.
#pragma once
#include <QFile>
#include <QString>

namespace testing_support {

/// moods.csv in this folder: columns mood and sentence, 40 rows each of good and bad. Gives its path.
inline QString writeMoods(const QString& folder) {
    QFile file(folder + QStringLiteral("/moods.csv"));
    if (!file.open(QIODevice::WriteOnly)) qFatal("cannot write");
    file.write("mood,sentence\n");
    for (int i = 0; i < 40; ++i)
        file.write("good,The soup number " + QByteArray::number(i) +
                   " was warm and everybody asked for more.\nbad,The soup number " + QByteArray::number(i) +
                   " was cold and nobody wanted to finish it.\n");
    return file.fileName();
}

} // namespace testing_support
