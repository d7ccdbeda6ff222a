// SPDX-License-Identifier: GPL-3.0-or-later
// Tokens, then a descent through or, and, not to conditions; each gives a test to the one above it.
#include "ui/runs/run_filter.h"

#include "engine/experiment.h"
#include "engine/words/nearest.h"
#include "ui/engine_text.h"
#include "ui/run_words.h"

#include <QCoreApplication>

#include <cmath>
#include <limits>
#include <map>
#include <optional>

namespace ui {
namespace {

struct Words {
    Q_DECLARE_TR_FUNCTIONS(ui::RunFilter)
};

using Test = std::function<bool(const engine::RunSummary&)>;
struct Problem {
    QString text;
};

struct Token {
    enum Kind { Word, Quoted, Number, Operator, Open, Close, End } kind = End;
    QString text;
    double number = 0;
    qsizetype at = 0;
};

/// A named value of a run: a number, a text, or (settings) what the text reads as.
struct FieldReader {
    std::function<std::optional<double>(const engine::RunSummary&)> number;
    std::function<QStringList(const engine::RunSummary&)> texts;
};

std::optional<double> toNumber(const QString& text) {
    bool fine = false;
    const double value = text.toDouble(&fine);
    return fine ? std::optional(value) : std::nullopt;
}

QString oneWord(const QString& word) {
    return word.toLower().remove(QLatin1Char(' '));
}

FieldReader numberField(std::function<std::optional<double>(const engine::RunSummary&)> read) {
    return {std::move(read), {}};
}

FieldReader setting(const std::string& key) {
    return {[key](const engine::RunSummary& run) { return toNumber(runSetting(run, key)); },
            [key](const engine::RunSummary& run) { return QStringList{runSetting(run, key)}; }};
}

std::map<QString, FieldReader> makeFields() {
    using Run = const engine::RunSummary&;
    std::map<QString, FieldReader> fields;
    for (const char* section :
         {"evaluate.", "model.", "data.", "prompt.", "train.", "lora."}) // of equal last words the later section's is meant
        for (const engine::Field& field : engine::experimentFields()) {
            if (!field.key.starts_with(section)) continue;
            fields[fromText(field.key)] = setting(field.key);
            fields[fromText(field.key.substr(field.key.rfind('.') + 1))] = setting(field.key);
        }
    fields[QStringLiteral("model")] = setting("model.path");
    fields[QStringLiteral("lr")] = setting("train.learning_rate");
    fields[QStringLiteral("id")] = numberField([](Run run) { return std::optional(double(run.id)); });
    for (const engine::Measure& measure : engine::measures())
        for (const std::string& name : {measure.key, measure.alias})
            if (!name.empty())
                fields[fromText(name)] = numberField([measure = &measure](Run run) { return run.measured.of(*measure); });
    fields[QStringLiteral("step")] = numberField([](Run run) { return std::optional(double(run.step)); });
    fields[QStringLiteral("duration")] = numberField([](Run run) {
        const double seconds = runDuration(run);
        return seconds >= 0 ? std::optional(seconds) : std::nullopt;
    });
    fields[QStringLiteral("name")] = {{}, [](Run run) { return QStringList{fromText(run.name)}; }};
    fields[QStringLiteral("note")] = {{}, [](Run run) { return QStringList{fromText(run.note)}; }};
    fields[QStringLiteral("kind")] = {{}, [](Run run) { return QStringList{kindWord(run.kind), fromText(wordOf(run.kind))}; }};
    fields[QStringLiteral("state")] = {{}, [](Run run) {
                                           return QStringList{stateWord(run.state), fromText(wordOf(run.state))};
                                       }};
    fields[QStringLiteral("tag")] = fields[QStringLiteral("tags")] = {{}, [](Run run) {
                                                                          QStringList tags;
                                                                          for (const std::string& tag : run.tags)
                                                                              tags << fromText(tag);
                                                                          return tags;
                                                                      }};
    return fields;
}

const std::map<QString, FieldReader>& fieldMap() {
    static const std::map<QString, FieldReader> fields = makeFields();
    return fields;
}

bool containsAnywhere(const engine::RunSummary& run, const QString& part) {
    for (const char* name : {"name", "tag", "note", "kind", "state"})
        for (const QString& text : fieldMap().at(QLatin1String(name)).texts(run))
            if (text.contains(part, Qt::CaseInsensitive)) return true;
    return QString::number(run.id) == part;
}

bool compare(double left, const QString& op, double right) {
    const double slack = 1e-9 * std::max(std::abs(left), std::abs(right)); // 0.1 written and 0.1 computed are the same
    if (op == QLatin1String("=") || op == QLatin1String("==")) return std::abs(left - right) <= slack;
    if (op == QLatin1String("!=")) return std::abs(left - right) > slack;
    if (op == QLatin1String("<")) return left < right - slack;
    if (op == QLatin1String("<=")) return left <= right + slack;
    if (op == QLatin1String(">")) return left > right + slack;
    return left >= right - slack;
}

QList<Token> tokenize(const QString& text) {
    QList<Token> tokens;
    const auto isWord = [](QChar c) {
        return c.isLetterOrNumber() || c == QLatin1Char('_') || c == QLatin1Char('.') || c == QLatin1Char('-') ||
               c == QLatin1Char('/');
    };
    for (qsizetype i = 0; i < text.size();) {
        const QChar c = text[i];
        const qsizetype start = i;
        if (c.isSpace()) {
            ++i;
        } else if (c == QLatin1Char('(') || c == QLatin1Char(')')) {
            tokens << Token{c == QLatin1Char('(') ? Token::Open : Token::Close, c, 0, i++};
        } else if (c == QLatin1Char('"') || c == QLatin1Char('\'')) {
            const qsizetype end = text.indexOf(c, i + 1);
            if (end < 0) throw Problem{Words::tr("The quotation mark at %1 has no partner.").arg(start + 1)};
            tokens << Token{Token::Quoted, text.mid(i + 1, end - i - 1), 0, start};
            i = end + 1;
        } else if (QStringLiteral("<>=!~&|").contains(c)) {
            while (i < text.size() && QStringLiteral("<>=!~&|").contains(text[i])) ++i;
            const QString op = text.mid(start, i - start);
            if (op == QLatin1String("&&") || op == QLatin1String("||"))
                tokens << Token{Token::Word, op == QLatin1String("&&") ? QStringLiteral("and") : QStringLiteral("or"), 0, start};
            else if (QStringList{QStringLiteral("<"), QStringLiteral("<="), QStringLiteral(">"), QStringLiteral(">="),
                                 QStringLiteral("="), QStringLiteral("=="), QStringLiteral("!="), QStringLiteral("~")}
                         .contains(op))
                tokens << Token{Token::Operator, op, 0, start};
            else
                throw Problem{Words::tr("“%1” at %2 compares nothing. Use = != < <= > >= or ~.").arg(op).arg(start + 1)};
        } else if (isWord(c)) {
            while (i < text.size() &&
                   (isWord(text[i]) || (text[i] == QLatin1Char('+') && i > start && text[i - 1].toLower() == QLatin1Char('e'))))
                ++i;
            const QString word = text.mid(start, i - start);
            Token token{Token::Word, word, 0, start};
            if (const auto number = toNumber(word)) {
                token.kind = Token::Number;
                token.number = *number;
                qsizetype sign = i;
                while (sign < text.size() && text[sign].isSpace()) ++sign;
                if (sign < text.size() && text[sign] == QLatin1Char('%'))
                    token.number /= 100, token.text += text[sign], i = sign + 1;
            } else {
                for (const auto& [unit, seconds] :
                     {std::pair(QStringLiteral("min"), 60.0), {QStringLiteral("h"), 3600.0}, {QStringLiteral("s"), 1.0}}) {
                    const auto number2 = word.endsWith(unit) ? toNumber(word.chopped(unit.size())) : std::nullopt;
                    if (!number2) continue;
                    token.kind = Token::Number;
                    token.number = *number2 * seconds;
                    break;
                }
            }
            tokens << token;
        } else {
            throw Problem{
                Words::tr("“%1” at %2 means nothing here. Put words in quotation marks to look for them.").arg(c).arg(start + 1)};
        }
    }
    tokens << Token{Token::End, {}, 0, text.size()};
    return tokens;
}

class Parser {
public:
    explicit Parser(QList<Token> tokens) : m_tokens(std::move(tokens)) {}

    Test parse() {
        if (now().kind == Token::End) return {};
        Test test = any(0);
        if (now().kind == Token::Close) throw Problem{Words::tr("The bracket at %1 closes nothing.").arg(now().at + 1)};
        return test;
    }

private:
    static constexpr int kDepth = 50;
    const Token& now() const { return m_tokens[m_at]; }
    bool isWord(const char* word) const {
        return now().kind == Token::Word && now().text.compare(QLatin1String(word), Qt::CaseInsensitive) == 0;
    }

    Test any(int depth) {
        if (depth > kDepth) throw Problem{Words::tr("There are more than %1 brackets inside one another.").arg(kDepth)};
        Test left = all(depth);
        while (isWord("or")) {
            ++m_at;
            left = [a = std::move(left), b = all(depth)](const engine::RunSummary& run) { return a(run) || b(run); };
        }
        return left;
    }

    Test all(int depth) {
        Test left = one(depth);
        while (now().kind != Token::End && now().kind != Token::Close && !isWord("or")) {
            if (isWord("and")) ++m_at;
            left = [a = std::move(left), b = one(depth)](const engine::RunSummary& run) { return a(run) && b(run); };
        }
        return left;
    }

    Test one(int depth) {
        if (isWord("not")) {
            ++m_at;
            if (depth > kDepth) throw Problem{Words::tr("There are too many nots.")};
            return [inner = one(depth + 1)](const engine::RunSummary& run) { return !inner(run); };
        }
        if (now().kind == Token::Open) {
            const qsizetype opened = now().at;
            ++m_at;
            Test inner = any(depth + 1);
            if (now().kind != Token::Close) throw Problem{Words::tr("The bracket at %1 is not closed.").arg(opened + 1)};
            ++m_at;
            return inner;
        }
        const Token token = now();
        if (token.kind == Token::End || isWord("and") || isWord("or"))
            throw Problem{Words::tr("Something is missing at %1, after “%2”.").arg(token.at + 1).arg(before())};
        if (token.kind == Token::Operator)
            throw Problem{Words::tr("“%1” at %2 needs a name before it, such as accuracy.").arg(token.text).arg(token.at + 1)};
        if (token.kind == Token::Close) throw Problem{Words::tr("The bracket at %1 closes nothing.").arg(token.at + 1)};
        ++m_at;
        if (now().kind == Token::Operator && token.kind != Token::Quoted) return condition(token);
        return [part = token.text](const engine::RunSummary& run) { return containsAnywhere(run, part); };
    }

    Test condition(const Token& name) {
        const auto field = fieldMap().find(name.text.toLower());
        if (field == fieldMap().end()) {
            std::vector<std::string> known;
            for (const auto& [key, reader] : fieldMap()) known.push_back(key.toStdString());
            const QString near = fromText(engine::nearestKey(name.text.toStdString(), known));
            throw Problem{near.isEmpty() ? Words::tr("Runs have no “%1”.").arg(name.text)
                                         : Words::tr("Runs have no “%1”. Did you mean %2?").arg(name.text, near)};
        }
        const Token op = now();
        ++m_at;
        const Token value = now();
        if (value.kind != Token::Number && value.kind != Token::Word && value.kind != Token::Quoted)
            throw Problem{Words::tr("“%1 %2” needs a value after it.").arg(name.text, op.text)};
        ++m_at;
        const FieldReader reader = field->second;
        const bool partly = op.text == QLatin1String("~");
        if (value.kind == Token::Number && reader.number && !partly)
            return [reader, op = op.text, right = value.number](const engine::RunSummary& run) {
                const auto left = reader.number(run);
                return left && compare(*left, op, right);
            };
        if (!reader.texts) throw Problem{Words::tr("%1 is a number, and “%2” is none.").arg(name.text, value.text)};
        const bool equal = op.text == QLatin1String("=") || op.text == QLatin1String("==");
        if (!partly && !equal && op.text != QLatin1String("!="))
            throw Problem{Words::tr("“%1” compares numbers, and “%2” is none.").arg(op.text, value.text)};
        return [reader, partly, negative = op.text == QLatin1String("!="), right = value.text](const engine::RunSummary& run) {
            for (const QString& text : reader.texts(run))
                if (partly ? text.contains(right, Qt::CaseInsensitive) : oneWord(text) == oneWord(right)) return !negative;
            return negative;
        };
    }

    QString before() const { return m_at > 0 ? m_tokens[m_at - 1].text : QString(); }

    QList<Token> m_tokens;
    qsizetype m_at = 0;
};

} // namespace

RunFilter::RunFilter(const QString& text) {
    try {
        m_test = Parser(tokenize(text)).parse();
    } catch (const Problem& problem) { m_problem = problem.text; }
}

QStringList RunFilter::fields() {
    QStringList names;
    for (const auto& [name, reader] : fieldMap()) names << name;
    return names;
}

} // namespace ui
