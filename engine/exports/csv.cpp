// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/error.h"
#include "engine/exports.h"
#include "engine/exports/tables.h"
#include "engine/files/new_file.h"

namespace engine {

namespace {

/// `out` ends in .csv: the predictions; else a folder with metrics and everything else as well.
Exported writeCsv(const ExportRequest& request, const Sink&, std::stop_token) {
    const RunId id = request.run.summary.id;
    Exported done{.path = request.out, .notes = {}, .facts = {}};
    if (request.out.extension() != ".csv") {
        exportTables(request.runs, id, request.out);
        return done;
    }
    if (!request.run.report)
        throw Error(ErrorCode::BadInput, "Run " + std::to_string(id) + " has no predictions: it was not evaluated.");
    NewFile file(request.out);
    file.write(predictionsCsv(request.run, request.runs.predictions(id)));
    file.commit();
    return done;
}

} // namespace

Exporter csvExporter() {
    return {.key = "csv",
            .title = "Tables",
            .help = "the predictions (PATH.csv), or a folder with predictions and metrics as CSV and everything else as JSON",
            .suffix = "-tables",
            .needs = {},
            .options = {},
            .makes = Makes::FileByEnding,
            .write = writeCsv};
}

} // namespace engine
