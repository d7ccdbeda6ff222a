// SPDX-License-Identifier: GPL-3.0-or-later
// The export job: what is wanted is checked first, and a model that was written is scored again.
#include "engine/exports.h"
#include "engine/files/new_file.h"
#include "engine/jobs/machine.h"
#include "engine/jobs/outcome.h"
#include "engine/jobs/rescore.h"
#include "engine/jobs/setup.h"

#include <algorithm>
#include <cstdio>

namespace engine {

namespace {

namespace fs = std::filesystem;

constexpr double kMostAccuracyLost = 0.1;
constexpr std::size_t kMostRecordsNamed = 5;

fs::path placeOf(const fs::path& out) {
    const fs::path place = fs::absolute(out).lexically_normal();
    return place.has_filename() ? place : place.parent_path(); // "merged/"
}

ExportChoices completed(const Exporter& exporter, const ExportChoices& given) {
    ExportChoices choices;
    for (const ExportOption& option : exporter.options) choices[option.key] = option.values.front();
    for (const auto& [key, value] : given) {
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

std::string text(double value, const char* format) {
    char written[64];
    std::snprintf(written, sizeof written, format, value);
    return written;
}

std::string percent(double share) {
    return text(100 * share, "%.1f %%");
}

void tell(const Rescored& found, Fidelity fidelity, Exported& done) {
    std::string note = "Scored again on " + std::to_string(found.rows) + " test rows: " + std::to_string(found.equal) +
                       " labels are the same, and no label's probability changed by more than " +
                       text(found.largestChange, "%.2g") + ".";
    if (fidelity == Fidelity::Accuracy)
        note += " Accuracy " + percent(found.before) + " before, " + percent(found.after) + " after.";
    done.notes.push_back(std::move(note));
    done.facts.insert(done.facts.end(), {{"verified", true},
                                         {"rows_scored", found.rows},
                                         {"labels_equal", found.equal},
                                         {"largest_probability_change", found.largestChange},
                                         {"accuracy_before", found.before},
                                         {"accuracy_after", found.after}});
}

void requireFaithful(const Rescored& found, Fidelity fidelity) {
    if (fidelity == Fidelity::Accuracy) {
        if (found.before - found.after > kMostAccuracyLost)
            throw Error(ErrorCode::Internal, "The written model is right in " + percent(found.after) + " of " +
                                                 std::to_string(found.rows) + " test rows, the run's adapter on its base in " +
                                                 percent(found.before) + ".");
        return;
    }
    if (found.different.empty()) return;
    std::string records;
    for (std::size_t i = 0; i < std::min(kMostRecordsNamed, found.different.size()); ++i)
        records += (i ? ", " : "") + std::to_string(found.different[i]);
    throw Error(ErrorCode::Internal, "The written model gives " + std::to_string(found.different.size()) + " of " +
                                         std::to_string(found.rows) +
                                         " test rows another label than the run's adapter on its base, though the two likeliest "
                                         "labels lay more than 0.1 apart (records " +
                                         records + (found.different.size() > kMostRecordsNamed ? ", …" : "") + ").");
}

void verify(const RunDetail& run, const fs::path& written, Exported& done, const Sink& sink, const std::stop_token& stop) {
    const Experiment experiment = parseRecorded(run.experimentYaml, "Run " + std::to_string(run.summary.id));
    checkTokenizer(tokenizerOf(written), configOf(written), written);
    try {
        const Rescored found = rescore(experiment, adapterFolder(run), written, sink, stop);
        requireFaithful(found, done.fidelity);
        tell(found, done.fidelity, done);
    } catch (const DataGone& error) {
        done.notes.push_back("It could not be scored again, and is kept as it is: " + error.message());
        done.facts.emplace_back("verified", false);
    }
}

/// Throws Error(Io) unless what was written now has its name; a file of that name is not overwritten.
void putInPlace(const fs::path& written, const fs::path& out) {
    requireFree(out);
    std::error_code failed;
    fs::rename(written, out, failed);
    if (failed)
        throw Error(ErrorCode::Io, written.string() + " cannot be renamed to " + out.string() + ": " + failed.message() + ".");
    syncFolder(out.parent_path());
}

Exported exportModel(const Exporter& exporter, ExportRequest request, const Sink& sink, const std::stop_token& stop) {
    useSensibleThreads();
    const fs::path out = request.out, unverified = out.string() + ".unverified";
    requireFree(unverified);
    request.out = unverified;
    Exported done = exporter.write(request, sink, stop);
    try {
        translated([&] { verify(request.run, unverified, done, sink, stop); });
    } catch (const StopRequested&) {
        std::error_code ignored;
        fs::remove_all(unverified, ignored);
        throw;
    } catch (const Error& error) { throw Error(error.code(), error.message(), "It stays as " + unverified.string() + "."); }
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
        if (exporter.mustBeNew) requireFree(request.out);
        return exporter.model ? exportModel(exporter, request, sink, stop) : exporter.write(request, sink, stop);
    });
}

} // namespace engine
