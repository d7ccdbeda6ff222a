// SPDX-License-Identifier: GPL-3.0-or-later
// The tables of a runs file and how an older file becomes one of today.
#pragma once
#include "engine/store/connection.h"

#include <functional>
#include <vector>

namespace engine {

/// steps[n] makes a file of version n one of version n + 1; version 0 is an empty file.
using SchemaSteps = std::vector<std::function<void(SQLite::Database&)>>;
const SchemaSteps& schemaSteps();

/// The application_id of our files ("Phib").
inline constexpr int kApplicationId = 0x50686962;

/// Checks that this is a runs file of ours or an empty one, sets the connection up (rollback journal, full synchronisation,
/// foreign keys) and brings the file to version steps.size(): all steps in one transaction, a copy of an older file kept beside
/// it first ("runs.db.version-1.bak"). Throws Error, leaving the file as it was: not ours, newer than we know, damaged,
/// read-only, held by another process.
void prepare(Connection& connection, const SchemaSteps& steps = schemaSteps());

} // namespace engine
