// SPDX-License-Identifier: GPL-3.0-or-later
// QCustomPlot's header, which is written in the Qt keywords that we build without.
#pragma once
#include <QtGlobal>

#define signals Q_SIGNALS
#define slots Q_SLOTS
#define foreach(declaration, container) for (declaration : container)
#include <qcustomplot.h>
#undef foreach
#undef slots
#undef signals
