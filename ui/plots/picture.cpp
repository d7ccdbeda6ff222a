// SPDX-License-Identifier: GPL-3.0-or-later
// Everything is drawn into memory first and put in place in one go.
#include "ui/plots/picture.h"

#include "ui/notice.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QImage>
#include <QPdfWriter>
#include <QSaveFile>
#include <QStandardPaths>
#include <QSvgGenerator>
#include <QWidget>

namespace ui {
namespace {

constexpr int kScreenDpi = 96;

bool saveBytes(const QString& path, const QByteArray& bytes, QString* problem) {
    QSaveFile file(path);
    if (file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size() && file.commit()) return true;
    if (problem)
        *problem = QCoreApplication::translate("picture", "%1 could not be written: %2.")
                       .arg(QDir::toNativeSeparators(path), file.errorString());
    return false;
}

} // namespace

bool savePicture(const QString& path, const QSize& size, const std::function<void(QPaintDevice&)>& paint, QString* problem) {
    const QString ending = QFileInfo(path).suffix().toLower();
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    if (ending == QLatin1String("svg")) {
        QSvgGenerator svg;
        svg.setOutputDevice(&buffer);
        svg.setSize(size);
        svg.setViewBox(QRect(QPoint(0, 0), size));
        svg.setResolution(kScreenDpi);
        paint(svg);
    } else if (ending == QLatin1String("pdf")) {
        QPdfWriter pdf(&buffer);
        pdf.setResolution(kScreenDpi);
        pdf.setPageMargins(QMarginsF(0, 0, 0, 0));
        pdf.setPageSize(QPageSize(QSizeF(size) * 72.0 / kScreenDpi, QPageSize::Point, QString(), QPageSize::ExactMatch));
        paint(pdf);
    } else if (ending == QLatin1String("png")) {
        QImage image(size * 2, QImage::Format_ARGB32_Premultiplied);
        image.setDevicePixelRatio(2);
        image.fill(Qt::transparent);
        paint(image);
        image.save(&buffer, "PNG");
    } else {
        if (problem)
            *problem =
                QCoreApplication::translate("picture", "%1 must end in .png, .svg or .pdf.").arg(QFileInfo(path).fileName());
        return false;
    }
    return saveBytes(path, bytes, problem);
}

bool saveText(const QString& path, const QString& text, QString* problem) {
    return saveBytes(path, text.toUtf8(), problem);
}

QString csvField(const QString& text) {
    const bool plain = !text.contains(QLatin1Char(',')) && !text.contains(QLatin1Char('"')) &&
                       !text.contains(QLatin1Char('\n')) && !text.contains(QLatin1Char('\r'));
    return plain ? text : QLatin1Char('"') + QString(text).replace(QLatin1Char('"'), QStringLiteral("\"\"")) + QLatin1Char('"');
}

QString askSavePath(QWidget* parent, const QString& name, const QString& ending) {
    QString file = name;
    for (QChar& c : file)
        if (!c.isLetterOrNumber() && c != QLatin1Char('-') && c != QLatin1Char('_')) c = QLatin1Char('-');
    const QString folder = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
    QString path =
        QFileDialog::getSaveFileName(parent, QCoreApplication::translate("picture", "Save as %1").arg(ending.toUpper()),
                                     QDir(folder).filePath(file + QLatin1Char('.') + ending), QStringLiteral("*.%1").arg(ending));
    if (!path.isEmpty() && QFileInfo(path).suffix().compare(ending, Qt::CaseInsensitive) != 0) path += QLatin1Char('.') + ending;
    return path;
}

void showProblem(const QWidget* of, const QString& problem) {
    if (Notice* const notice = Notice::of(of)) notice->say(problem);
}

} // namespace ui
