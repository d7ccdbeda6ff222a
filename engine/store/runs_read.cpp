// SPDX-License-Identifier: GPL-3.0-or-later
// All that is read from a runs file. Lists take a fixed number of queries, however many runs there are.
#include "engine/experiment.h"
#include "engine/store/runs_impl.h"

#include <algorithm>

namespace engine {

namespace {

std::string selectSummary() {
    std::string sql = "SELECT id, name, kind, state, started, finished, exit_reason, step, steps, note";
    for (const char* column : kMeasureColumns) sql += std::string(", ") + column;
    return sql + " FROM runs ";
}

RunSummary readSummary(const SQLite::Statement& row) {
    RunSummary run;
    run.id = row.getColumn(0).getInt64();
    run.name = row.getColumn(1).getString();
    run.kind = readKind(row.getColumn(2).getString());
    run.state = readState(row.getColumn(3).getString());
    run.started = row.getColumn(4).getDouble();
    run.finished = row.getColumn(5).getDouble();
    run.exitReason = row.getColumn(6).getString();
    run.step = row.getColumn(7).getInt64();
    run.steps = row.getColumn(8).getInt64();
    run.note = row.getColumn(9).getString();
    int column = 10;
    for (const char* key : kMeasureColumns) run.measured.set(key, readOptional(row.getColumn(column++)));
    return run;
}

// Rows (run, …) sorted by run descending go to their runs, which are sorted alike.
template <typename Take> void distribute(SQLite::Statement& query, std::vector<RunSummary>& runs, Take take) {
    auto run = runs.begin();
    while (query.executeStep()) {
        const RunId id = query.getColumn(0).getInt64();
        while (run != runs.end() && run->id > id) ++run;
        if (run != runs.end() && run->id == id) take(*run, query);
    }
}

void readTags(SQLite::Statement query, std::vector<RunSummary>& runs) {
    distribute(query, runs, [](RunSummary& run, SQLite::Statement& row) { run.tags.push_back(row.getColumn(1).getString()); });
}

void readFigures(SQLite::Statement query, std::vector<RunSummary>& runs) {
    distribute(query, runs, [](RunSummary& run, SQLite::Statement& row) {
        const std::string_view name = row.getColumn(1).getText();
        for (const Measure& measure : measures())
            if (measure.key == name) run.measured.set(measure, readOptional(row.getColumn(2)));
    });
}

SQLite::Statement of(SQLite::Database& database, const std::string& sql, RunId run) {
    SQLite::Statement query(database, sql);
    query.bind(1, run);
    return query;
}

/// Measures that the version which made a run did not know.
void fillIn(Measured& measured, const Measured& computed) {
    for (const Measure& measure : measures())
        if (!measured.of(measure)) measured.set(measure, computed.of(measure));
}

void fillIn(SQLite::Database& database, std::vector<RunSummary>& runs, std::map<RunId, Measured>& computed) {
    for (RunSummary& run : runs) {
        if (!run.measured["accuracy"]) continue; // not evaluated
        const bool known = std::all_of(measures().begin(), measures().end(),
                                       [&](const Measure& measure) { return !measure.compute || run.measured.of(measure); });
        if (known) continue;
        const auto [found, fresh] = computed.try_emplace(run.id);
        if (fresh)
            if (const auto report = readReport(database, run.id)) found->second = measured(*report);
        fillIn(run.measured, found->second);
    }
}

RunSummary oneSummary(SQLite::Database& database, RunId run) {
    SQLite::Statement summary = of(database, selectSummary() + "WHERE id = ?", run);
    summary.executeStep();
    std::vector<RunSummary> one{readSummary(summary)};
    readTags(of(database, "SELECT run, tag FROM tags WHERE run = ? ORDER BY tag", run), one);
    readFigures(of(database, "SELECT run, name, value FROM figures WHERE run = ?", run), one);
    SQLite::Statement params = of(database, "SELECT key, value FROM params WHERE run = ? ORDER BY position", run);
    while (params.executeStep())
        one.front().params.emplace_back(params.getColumn(0).getString(), params.getColumn(1).getString());
    one.front().params = completed(std::move(one.front().params));
    return std::move(one.front());
}

/// The settings that an evaluation's answers depend on, as they were for a run of any version; nothing where a newer version's
/// are among them, whose meaning is not known.
std::optional<Params> decisive(const Params& recorded) {
    Params kept;
    for (const auto& [key, value] : completed(recorded)) {
        const Field* field = findField(key);
        if (!field) return {};
        if (field->decidesEvaluation()) kept.emplace_back(key, value);
    }
    std::sort(kept.begin(), kept.end());
    return kept;
}

} // namespace

std::vector<RunSummary> Runs::list() const {
    m_impl->endWhatEnded();
    return m_impl->connection.read([&](SQLite::Database& database) {
        std::vector<RunSummary> runs;
        SQLite::Statement query(database, selectSummary() + "ORDER BY id DESC");
        while (query.executeStep()) runs.push_back(readSummary(query));
        readTags(SQLite::Statement(database, "SELECT run, tag FROM tags ORDER BY run DESC, tag DESC"), runs);
        readFigures(SQLite::Statement(database, "SELECT run, name, value FROM figures ORDER BY run DESC"), runs);
        fillIn(database, runs, m_impl->computed);
        SQLite::Statement params(database, "SELECT run, key, value FROM params WHERE run > ? ORDER BY run, position");
        params.bind(1, m_impl->params.empty() ? RunId(0) : m_impl->params.rbegin()->first);
        auto last = m_impl->params.end();
        while (params.executeStep()) {
            const RunId id = params.getColumn(0).getInt64();
            if (last == m_impl->params.end() || last->first != id) last = m_impl->params.try_emplace(m_impl->params.end(), id);
            last->second.emplace_back(params.getColumn(1).getString(), params.getColumn(2).getString());
        }
        for (RunSummary& run : runs) {
            std::reverse(run.tags.begin(), run.tags.end()); // backwards is how they are read without sorting
            if (const auto known = m_impl->params.find(run.id); known != m_impl->params.end())
                run.params = completed(known->second);
        }
        return runs;
    });
}

RunSummary Runs::summary(RunId run) const {
    return m_impl->look(run, [&](SQLite::Database& database) { return oneSummary(database, run); });
}

RunDetail Runs::detail(RunId run) const {
    return m_impl->look(run, [&](SQLite::Database& database) {
        RunDetail detail;
        detail.summary = oneSummary(database, run);

        SQLite::Statement origin =
            of(database, "SELECT experiment, dataset_sha256, model_sha256, versions, parent FROM runs WHERE id = ?", run);
        origin.executeStep();
        detail.experimentYaml = origin.getColumn(0).getString();
        detail.datasetSha256 = origin.getColumn(1).getString();
        detail.modelSha256 = origin.getColumn(2).getString();
        detail.versions = origin.getColumn(3).getString();
        if (!origin.getColumn(4).isNull()) detail.parent = origin.getColumn(4).getInt64();
        detail.report = readReport(database, run);
        if (detail.report) fillIn(detail.summary.measured, measured(*detail.report));

        SQLite::Statement metrics =
            of(database, "SELECT name, step, value, wall FROM metrics WHERE run = ? ORDER BY name, step", run);
        while (metrics.executeStep()) {
            const SQLite::Column name = metrics.getColumn(0);
            if (detail.metrics.empty() || detail.metrics.back().first != name.getText())
                detail.metrics.emplace_back(name.getString(), std::vector<MetricPoint>());
            detail.metrics.back().second.push_back(
                {metrics.getColumn(1).getInt64(), readReal(metrics.getColumn(2)), metrics.getColumn(3).getDouble()});
        }
        SQLite::Statement artifacts = of(database, "SELECT kind, path, sha256 FROM artifacts WHERE run = ? ORDER BY kind", run);
        while (artifacts.executeStep())
            detail.artifacts.push_back({artifacts.getColumn(0).getString(),
                                        file().parent_path() / artifacts.getColumn(1).getString(),
                                        artifacts.getColumn(2).getString()});
        return detail;
    });
}

std::vector<Prediction> Runs::predictions(RunId run) const {
    return m_impl->look(run, [&](SQLite::Database& database) {
        std::vector<Prediction> predictions;
        SQLite::Statement query =
            of(database, "SELECT record, truth, guess, probabilities, raw_text FROM predictions WHERE run = ? ORDER BY position",
               run);
        while (query.executeStep()) {
            Prediction prediction;
            prediction.record = query.getColumn(0).getInt64();
            prediction.truth = query.getColumn(1).getInt();
            if (!query.getColumn(2).isNull()) prediction.guess = query.getColumn(2).getInt();
            prediction.probabilities = readProbabilities(query.getColumn(3).getString());
            prediction.rawText = query.getColumn(4).getString();
            predictions.push_back(std::move(prediction));
        }
        return predictions;
    });
}

std::optional<RunId> Runs::matchingBaseline(const NewRun& like) const {
    if (like.datasetSha256.empty()) return {};
    const std::optional<Params> wanted = decisive(like.params);
    if (!wanted) return {};
    return m_impl->connection.read([&](SQLite::Database& database) -> std::optional<RunId> {
        SQLite::Statement query(database, "SELECT r.id, p.key, p.value FROM runs r JOIN params p ON p.run = r.id "
                                          "WHERE r.state = 'done' AND r.kind = 'baseline' AND r.dataset_sha256 = ? AND "
                                          "r.model_sha256 = ? ORDER BY r.id DESC, p.position");
        query.bind(1, like.datasetSha256);
        query.bind(2, like.modelSha256);
        std::optional<RunId> candidate;
        Params params;
        const auto matches = [&] { return candidate && decisive(params) == wanted; };
        while (query.executeStep()) {
            const RunId id = query.getColumn(0).getInt64();
            if (candidate != id) {
                if (matches()) return candidate;
                candidate = id;
                params.clear();
            }
            params.emplace_back(query.getColumn(1).getString(), query.getColumn(2).getString());
        }
        return matches() ? candidate : std::nullopt;
    });
}

std::optional<RunId> Runs::matchingBaseline(const RunDetail& like) const {
    NewRun run;
    run.params = like.summary.params;
    run.datasetSha256 = like.datasetSha256;
    run.modelSha256 = like.modelSha256;
    return matchingBaseline(run);
}

std::filesystem::path adapterFolder(const RunDetail& run) {
    const std::string name = "run " + std::to_string(run.summary.id);
    const auto adapter = std::find_if(run.artifacts.begin(), run.artifacts.end(),
                                      [](const Artifact& artifact) { return artifact.kind == "adapter"; });
    if (adapter == run.artifacts.end())
        throw Error(ErrorCode::BadInput, "R" + name.substr(1) + " has no adapter.", "Only a training that was finished has one.");
    std::error_code unknown;
    if (!std::filesystem::is_directory(adapter->path, unknown))
        throw Error(ErrorCode::NotFound, "The adapter of " + name + " is no longer at " + adapter->path.string() + ".");
    return adapter->path;
}

} // namespace engine
