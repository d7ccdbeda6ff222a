// SPDX-License-Identifier: GPL-3.0-or-later
// The runs being compared, each removable, and a way to add one.
#pragma once
#include "ui/backend.h"
#include "ui/compare/comparison_text.h"

#include "ui/flow_layout.h"

class QMenu;
class QToolButton;

namespace ui {

class RunChips : public FlowBox {
    Q_OBJECT
public:
    explicit RunChips(Backend& backend, QWidget* parent = nullptr);
    void setRuns(const std::vector<engine::ComparedRun>& runs);

Q_SIGNALS:
    void added(engine::RunId run);
    void removed(engine::RunId run);

private:
    void fillMenu();

    Backend& m_backend;
    QToolButton* m_add = nullptr;
    QMenu* m_menu = nullptr;
    QList<engine::RunId> m_runs;
};

} // namespace ui
