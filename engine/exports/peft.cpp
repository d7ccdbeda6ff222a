// SPDX-License-Identifier: GPL-3.0-or-later
// The adapter's folder as PEFT reads it, which is how the run keeps it.
#include "engine/error.h"
#include "engine/exports.h"
#include "engine/files/new_file.h"

namespace engine {

namespace {

namespace fs = std::filesystem;

Exported writePeft(const ExportRequest& request, const Sink&, std::stop_token) {
    NewFolder folder(request.out);
    std::error_code problem;
    fs::copy(adapterFolder(request.run), folder.path(), fs::copy_options::recursive, problem);
    if (problem) throw Error(ErrorCode::Io, request.out.string() + " cannot be written: " + problem.message() + ".");
    folder.commit();
    return {.path = request.out, .notes = {}, .facts = {}};
}

} // namespace

Exporter peftExporter() {
    return {.key = "peft",
            .title = "Adapter for PEFT",
            .help = "the adapter alone, a folder that PEFT loads",
            .suffix = "-adapter",
            .needs = {.adapter = true},
            .options = {},
            .write = writePeft};
}

} // namespace engine
