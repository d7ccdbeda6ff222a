// SPDX-License-Identifier: GPL-3.0-or-later
// Typing is read when it pauses; a mistake is marked at its line and the document keeps what it had.
#include "ui/train/yaml_editor.h"

#include "ui/engine_text.h"
#include "ui/theme/theme.h"

#include <QLabel>
#include <QPlainTextEdit>
#include <QRegularExpression>
#include <QSyntaxHighlighter>
#include <QTextBlock>
#include <QTimer>
#include <QVBoxLayout>

namespace ui {

using namespace engine;

namespace {

constexpr int kPauseMs = 300;

class YamlHighlighter : public QSyntaxHighlighter {
public:
    explicit YamlHighlighter(QTextDocument* document) : QSyntaxHighlighter(document) {
        connect(&Theme::instance(), &Theme::changed, this, &QSyntaxHighlighter::rehighlight);
    }

protected:
    void highlightBlock(const QString& text) override {
        static const QRegularExpression key(QStringLiteral("(?:^|[{,])\\s*([A-Za-z_]+):(?=\\s|$)")),
            comment(QStringLiteral("(?:^|\\s)#.*$"));
        for (auto match = key.globalMatch(text); match.hasNext();) {
            const auto found = match.next();
            setFormat(int(found.capturedStart(1)), int(found.capturedLength(1)), Theme::instance().color(Token::Accent));
        }
        for (auto match = comment.globalMatch(text); match.hasNext();) {
            const auto found = match.next();
            setFormat(int(found.capturedStart()), int(found.capturedLength()), Theme::instance().color(Token::Muted));
        }
    }
};

} // namespace

YamlEditor::YamlEditor(Document& document, QWidget* parent) : QWidget(parent), m_document(document) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(kGrid);
    m_edit = new QPlainTextEdit;
    m_edit->setObjectName(QStringLiteral("yaml"));
    m_edit->setLineWrapMode(QPlainTextEdit::NoWrap);
    setRole(m_edit, "mono");
    new YamlHighlighter(m_edit->document());
    column->addWidget(m_edit, 1);
    m_label = new QLabel;
    m_label->setObjectName(QStringLiteral("yamlProblem"));
    m_label->setWordWrap(true);
    m_label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    setRole(m_label, "error");
    m_label->hide();
    column->addWidget(m_label);
    m_pause = new QTimer(this);
    m_pause->setSingleShot(true);
    m_pause->setInterval(kPauseMs);
    connect(m_pause, &QTimer::timeout, this, &YamlEditor::take);
    connect(m_edit, &QPlainTextEdit::textChanged, this, [this] { m_pause->start(); });
    connect(&m_document, &Document::experimentChanged, this, &YamlEditor::refresh);
    refresh();
}

void YamlEditor::flush() {
    if (!m_pause->isActive()) return;
    m_pause->stop();
    take();
}

QString YamlEditor::text() const {
    return m_edit->toPlainText();
}

void YamlEditor::refresh() {
    if (m_taking) return;
    const QString text = fromText(m_document.yaml());
    if (text == m_edit->toPlainText()) return;
    const QSignalBlocker quiet(m_edit);
    m_pause->stop();
    m_edit->setPlainText(text);
    setProblem({}, 0);
}

void YamlEditor::take() {
    try {
        m_taking = true; // the text stays as it is written, comments and all
        m_document.setYaml(m_edit->toPlainText().toStdString());
        m_taking = false;
        setProblem({}, 0);
    } catch (const Error& error) {
        m_taking = false;
        static const QRegularExpression position(QStringLiteral("^line (\\d+)"));
        const QString message = fromText(error.what());
        const auto match = position.match(message);
        setProblem(message, match.hasMatch() ? match.captured(1).toInt() : 0);
    }
}

void YamlEditor::setProblem(const QString& text, int line) {
    QList<QTextEdit::ExtraSelection> marks;
    if (line > 0) {
        QTextEdit::ExtraSelection mark;
        QColor color = Theme::instance().color(Token::Bad);
        color.setAlphaF(0.16f);
        mark.format.setBackground(color);
        mark.format.setProperty(QTextFormat::FullWidthSelection, true);
        mark.cursor = QTextCursor(m_edit->document()->findBlockByNumber(line - 1));
        marks.append(mark);
    }
    m_edit->setExtraSelections(marks);
    m_label->setText(text);
    m_label->setVisible(!text.isEmpty());
    if (text == m_problem) return;
    m_problem = text;
    Q_EMIT problemChanged();
}

} // namespace ui
