// SPDX-License-Identifier: GPL-3.0-or-later
// A card of figures side by side, each under its name; the places stay where they are when the values change.
#pragma once
#include <QFrame>
#include <map>

class QHBoxLayout;
class QLabel;

namespace ui {

class Facts : public QFrame {
    Q_OBJECT
public:
    explicit Facts(QWidget* parent = nullptr);
    /// `large` for the figures that a page is about.
    void add(const QString& key, const QString& title, bool large = false, int stretch = 1);
    void clear();
    /// `note` stands small behind the value ("from 34.9 %").
    void set(const QString& key, const QString& value, const QString& note = {}, const QString& tip = {});
    QString value(const QString& key) const;
    QString note(const QString& key) const;
    QLabel* noteLabel(const QString& key) const;

private:
    struct Fact {
        QLabel* value = nullptr;
        QLabel* note = nullptr;
    };
    std::map<QString, Fact> m_facts;
    QHBoxLayout* m_row = nullptr;
};

} // namespace ui
