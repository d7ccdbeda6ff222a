// SPDX-License-Identifier: GPL-3.0-or-later
// Text and paths on their way between the engine's std types and Qt's.
#pragma once
#include <QFile>
#include <QString>
#include <filesystem>
#include <string>

namespace ui {

inline QString fromText(const std::string& text) {
    return QString::fromStdString(text);
}
inline QString fromPath(const std::filesystem::path& path) {
    return QFile::decodeName(QByteArray::fromStdString(path.string()));
}
inline std::filesystem::path toPath(const QString& path) {
    return QFile::encodeName(path).toStdString();
}

} // namespace ui
