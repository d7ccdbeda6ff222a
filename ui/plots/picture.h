// SPDX-License-Identifier: GPL-3.0-or-later
// Plots and tables as files.
#pragma once
#include <QSize>
#include <QString>
#include <functional>

class QPaintDevice;
class QWidget;

namespace ui {

/// PNG (at twice the size), SVG or PDF, by the path's ending. False with `problem` filled; then no file is left half-written.
bool savePicture(const QString& path, const QSize& size, const std::function<void(QPaintDevice&)>& paint,
                 QString* problem = nullptr);
bool saveText(const QString& path, const QString& text, QString* problem = nullptr);
/// One field of a CSV, quoted where it must be.
QString csvField(const QString& text);
/// Asks where to save, proposing `name` with this ending; empty: cancelled.
QString askSavePath(QWidget* parent, const QString& name, const QString& ending);
/// What a failed save says, in the notice of the widget's window.
void showProblem(const QWidget* of, const QString& problem);

} // namespace ui
