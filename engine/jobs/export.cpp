// SPDX-License-Identifier: GPL-3.0-or-later
// The export job: what is wanted is checked first, and a model that was written is scored again.
#include "engine/exports.h"
#include "engine/files/new_file.h"
#include "engine/jobs/machine.h"
#include "engine/jobs/outcome.h"
#include "engine/jobs/rescore.h"
#include "engine/jobs/setup.h"
#include "engine/words/numbers.h"

#include <algorithm>
#include <cstdio>

namespace engine {

namespace {

namespace fs = std::filesystem;

fs::path placeOf(const fs::path& out) {
    requireNamed(out);
    const fs::path place = fs::absolute(out).lexically_normal();
    return place.has_filename() ? place : place.parent_path(); // "merged/"
}

ExportChoices completed(const Exporter& exporter, const ExportChoices& given) {
    ExportChoices choices;
    for (const ExportOption& option : exporter.options) choices[option.key] = option.values.front();
    for (const auto& [key, value] : given) {
        if (key == kExisting) continue;
        const auto option =
            std::find_if(exporter.options.begin(), exporter.options.end(), [&](const ExportOption& o) { return o.key == key; });
        if (option == exporter.options.end())
            throw Error(ErrorCode::BadInput, "An export as " + exporter.key + " has no option \"" + key + "\".", "Leave it out.");
        if (std::find(option->values.begin(), option->values.end(), value) == option->values.end()) {
            std::string known;
            for (const std::string& v : option->values) known += (known.empty() ? "" : ", ") + v;
            throw Error(ErrorCode::BadInput, "The " + key + " \"" + value + "\" of " + exporter.key + " is not known.",
                        "Known: " + known + ".");
        }
        choices[key] = value;
    }
    return choices;
}

bool makesFile(const Exporter& exporter, const fs::path& out) {
    switch (exporter.makes) {
    case Makes::File: return true;
    case Makes::FileByEnding: return out.extension() == "." + exporter.key;
    case Makes::Folder:
    case Makes::Addition: break;
    }
    return false;
}

/// Throws Error(BadInput) where `out` is taken.
void requirePlace(const Exporter& exporter, const fs::path& out, bool replaces) {
    if (exporter.makes == Makes::Addition) return;
    if (!makesFile(exporter, out)) return requireFree(out);
    std::error_code problem;
    if (!replaces || !fs::is_regular_file(out, problem)) requireFreeFile(out);
}

/// With two digits that count.
std::string two(double value) {
    char written[32];
    std::snprintf(written, sizeof written, "%.2g", value);
    return written;
}

void tell(const Rescored& found, Fidelity fidelity, Exported& done) {
    std::string note = "Scored again on " + std::to_string(found.rows) + " test rows: " + std::to_string(found.equal) +
                       " labels are the same, and no label's probability changed by more than " + two(found.largestChange) + ".";
    if (fidelity == Fidelity::Accuracy)
        note += " Accuracy " + numberText(100 * found.before, 1) + " %" + " before, " + numberText(100 * found.after, 1) + " %" +
                " after.";
    done.notes.push_back(std::move(note));
    done.facts.insert(done.facts.end(), {{"verified", true},
                                         {"rows_scored", found.rows},
                                         {"labels_equal", found.equal},
                                         {"largest_probability_change", found.largestChange},
                                         {"accuracy_before", found.before},
                                         {"accuracy_after", found.after}});
}

void verify(const RunDetail& run, const fs::path& written, Exported& done, const Sink& sink, const std::stop_token& stop) {
    const Experiment experiment = parseRecorded(run.experimentYaml, "Run " + std::to_string(run.summary.id));
    checkTokenizer(tokenizerOf(written), configOf(written), written);
    try {
        const Rescored found = rescore(experiment, adapterFolder(run), written, sink, stop);
        if (const std::string problem = disagreement(found, done.fidelity); !problem.empty())
            throw Error(ErrorCode::Internal, problem);
        tell(found, done.fidelity, done);
    } catch (const DataGone& error) {
        done.notes.push_back("It could not be scored again, and is kept as it is: " + error.message());
        done.facts.emplace_back("verified", false);
    }
}

/// Throws Error(Io) unless what was written now has its name.
void putInPlace(const fs::path& written, const fs::path& out) {
    std::error_code failed;
    fs::rename(written, out, failed);
    if (failed)
        throw Error(ErrorCode::Io, written.string() + " cannot be renamed to " + out.string() + ": " + failed.message() + ".");
    syncFolder(out.parent_path());
}

Exported exportModel(const Exporter& exporter, ExportRequest request, bool replaces, const Sink& sink,
                     const std::stop_token& stop) {
    useSensibleThreads();
    const fs::path out = request.out, unverified = out.string() + ".unverified";
    requirePlace(exporter, unverified, false);
    request.out = unverified;
    Exported done = exporter.write(request, sink, stop);
    try {
        translated([&] { verify(request.run, unverified, done, sink, stop); });
    } catch (const StopRequested&) {
        std::error_code ignored;
        fs::remove_all(unverified, ignored);
        throw;
    } catch (const Error& error) {
        const bool ours = error.code() == ErrorCode::BadInput || error.code() == ErrorCode::NotFound; // not the person's files
        throw Error(ours ? ErrorCode::Internal : error.code(), error.message(), "It stays as " + unverified.string() + ".");
    }
    requirePlace(exporter, out, replaces); // also of what came there meanwhile
    putInPlace(unverified, out);
    done.path = out;
    return done;
}

} // namespace

Exported exportRun(const Exporter& exporter, const Runs& runs, RunId run, const fs::path& out, const ExportChoices& choices,
                   const Sink& sink, std::stop_token stop) {
    return translated([&] {
        const RunDetail detail = runs.detail(run);
        requireExportable(exporter, detail);
        const ExportRequest request{runs, detail, placeOf(out), completed(exporter, choices)};
        const auto existing = choices.find(kExisting);
        const bool replaces = existing != choices.end() && existing->second == kReplace;
        requirePlace(exporter, request.out, replaces);
        return exporter.model ? exportModel(exporter, request, replaces, sink, stop) : exporter.write(request, sink, stop);
    });
}

} // namespace engine
