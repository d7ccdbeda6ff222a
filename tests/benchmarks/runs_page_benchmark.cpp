// SPDX-License-Identifier: GPL-3.0-or-later
// runs_page_benchmark FILE [RUNS METRICS]: milliseconds until the runs page of a runs file is drawn, and for a curve of a million
// points of it to be drawn again; as one line of JSON. With numbers, the file is written first unless it is there: RUNS runs that
// share METRICS rows, a million of them the first run's losses.
#include "engine/experiment.h"
#include "tests/support/fake_backend.h"
#include "ui/plots/custom_plot.h"
#include "ui/plots/loss_plot.h"
#include "ui/runs/runs_page.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QTableView>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sqlite3.h>

namespace {

constexpr int kCurve = 1'000'000;

void execute(sqlite3* database, const std::string& sql) {
    char* problem = nullptr;
    if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &problem) == SQLITE_OK) return;
    std::cerr << "runs_page_benchmark: " << problem << '\n';
    std::exit(1);
}

std::string series(const std::string& name, std::int64_t first, std::int64_t last) {
    return name + "(n) AS (VALUES(" + std::to_string(first) + ") UNION ALL SELECT n + 1 FROM " + name + " WHERE n < " +
           std::to_string(last) + ")";
}

// One run through the store, which makes the tables; its copies by SQL.
void write(const std::filesystem::path& file, std::int64_t runs, std::int64_t metrics) {
    engine::RunId first = 0;
    {
        engine::Runs store(file);
        engine::NewRun run;
        run.name = "one of many";
        const engine::Experiment experiment;
        run.experimentYaml = engine::toYaml(experiment);
        for (const engine::Field& field : engine::experimentFields()) run.params.emplace_back(field.key, field.get(experiment));
        first = store.begin(run);
        store.finish(first, engine::RunState::Done, "");
    }
    sqlite3* database = nullptr;
    sqlite3_open(file.c_str(), &database);
    execute(database, "PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON");
    std::string columns, values;
    sqlite3_stmt* names = nullptr;
    sqlite3_prepare_v2(database, "SELECT name FROM pragma_table_info('runs') WHERE name <> 'id'", -1, &names, nullptr);
    while (sqlite3_step(names) == SQLITE_ROW) {
        const std::string name = reinterpret_cast<const char*>(sqlite3_column_text(names, 0));
        columns += "," + name;
        values += name == "name"       ? ",'run ' || n"
                  : name == "started"  ? ",started + n"
                  : name == "accuracy" ? ",(n % 1000) / 1000.0"
                                       : ",r." + name;
    }
    sqlite3_finalize(names);
    const std::string one = std::to_string(first), others = series("copies", first + 1, first + runs - 1);
    const std::int64_t each = std::max<std::int64_t>(1, (metrics - kCurve) / std::max<std::int64_t>(1, runs - 1) / 4);
    execute(database, "BEGIN; WITH RECURSIVE " + others + " INSERT INTO runs(id" + columns + ") SELECT n" + values +
                          " FROM copies, runs r WHERE r.id = " + one);
    execute(database, "WITH RECURSIVE " + others +
                          " INSERT INTO params SELECT n, position, key, value, number FROM copies, params WHERE run = " + one);
    execute(database, "WITH RECURSIVE " + series("steps", 1, kCurve) + " INSERT INTO metrics SELECT " + one +
                          ", 'loss', n, 1 + 1.0 / n + (n * 7919 % 1000) / 5000.0, n FROM steps");
    execute(database, "WITH RECURSIVE " + others + "," + series("steps", 1, each) +
                          ", kinds(name) AS (VALUES('grad_norm'), ('loss'), ('lr'), ('tokens_per_second')) "
                          "INSERT INTO metrics SELECT c.n, k.name, s.n, 1.0 / s.n, s.n FROM copies c, kinds k, steps s");
    execute(database, "COMMIT");
    sqlite3_close(database);
}

class StoreBackend : public testing_support::FakeBackend {
public:
    explicit StoreBackend(const std::filesystem::path& file) : m_runs(file) {}
    engine::Runs& runs() override { return m_runs; }

private:
    engine::Runs m_runs;
};

class Seen : public QObject {
public:
    using QObject::QObject;
    bool painted = false;
    bool eventFilter(QObject*, QEvent* event) override {
        painted |= event->type() == QEvent::Paint;
        return false;
    }
};

double milliseconds(const QElapsedTimer& timer) {
    return static_cast<double>(timer.nsecsElapsed()) / 1e6;
}

} // namespace

int main(int count, char** arguments) {
    QApplication application(count, arguments);
    if (count != 2 && count != 4) {
        std::cerr << "usage: runs_page_benchmark FILE [RUNS METRICS]\n";
        return 2;
    }
    const std::filesystem::path file = arguments[1];
    if (count == 4 && !std::filesystem::exists(file)) write(file, std::stoll(arguments[2]), std::stoll(arguments[3]));

    QElapsedTimer timer;
    timer.start();
    StoreBackend backend(file);
    const double opened = milliseconds(timer);
    ui::Document document(backend);
    timer.restart();
    ui::RunsPage page(backend, document);
    page.resize(1112, 690);
    Seen seen;
    auto* table = page.findChild<QTableView*>(QStringLiteral("runs"));
    table->viewport()->installEventFilter(&seen);
    page.show();
    while (!seen.painted) QApplication::processEvents();
    QApplication::processEvents();
    const double shown = milliseconds(timer);
    const int rows = table->model()->rowCount();

    timer.restart();
    ui::Curve curve;
    curve.run = backend.runs().list().back().id;
    for (const auto& [name, points] : backend.runs().detail(curve.run).metrics)
        if (name.find("loss") != std::string::npos && points.size() > curve.loss.size()) curve.loss = points;
    const double read = milliseconds(timer);
    ui::LossPlot plot;
    plot.resize(900, 420);
    plot.show();
    plot.setCurves({curve});
    QApplication::processEvents();
    auto* canvas = plot.findChild<QCustomPlot*>();
    std::vector<double> redraws;
    for (int i = 0; i < 60; ++i) {
        if (i % 2)
            canvas->xAxis->scaleRange(i % 4 == 1 ? 0.7 : 1 / 0.7,
                                      canvas->xAxis->range().center()); // every other one of another view
        timer.restart();
        canvas->replot(QCustomPlot::rpImmediateRefresh);
        redraws.push_back(milliseconds(timer));
    }
    std::sort(redraws.begin(), redraws.end());
    std::cout << R"({"event":"result","rows":)" << rows << R"(,"open_ms":)" << opened << R"(,"page_ms":)" << shown
              << R"(,"curve_points":)" << curve.loss.size() << R"(,"curve_read_ms":)" << read << R"(,"redraw_ms":)"
              << redraws[redraws.size() / 2] << R"(,"redraw_worst_ms":)" << redraws.back() << "}\n";
    return 0;
}
