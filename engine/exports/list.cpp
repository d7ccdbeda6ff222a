// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exports.h"

namespace engine {

#define EXPORTER(name) Exporter name##Exporter();
#include "engine/exports/list.h"
#undef EXPORTER

const std::vector<Exporter>& exporters() {
    static const std::vector<Exporter> list{
#define EXPORTER(name) name##Exporter(),
#include "engine/exports/list.h"
#undef EXPORTER
    };
    return list;
}

} // namespace engine
