// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/rescore.h"
#include "engine/exports/merge_source.h"
#include "engine/infer/classify.h"
#include "engine/jobs/setup.h"
#include "engine/train/adapter_io.h"
#include "engine/words/numbers.h"

#include <algorithm>
#include <cmath>

namespace engine {

namespace {

constexpr std::size_t kRows = 200, kMostRecordsNamed = 5;

Setup prepared(const Experiment& experiment, std::stop_token stop) {
    Setup setup = prepare(experiment, false, {}, std::move(stop));
    const std::size_t all = setup.test.size(), taken = std::min(kRows, all);
    for (std::size_t i = 0; i < taken; ++i) std::swap(setup.test[i], setup.test[i * all / taken]);
    setup.test.resize(taken);
    return setup;
}

std::vector<Prediction> scored(const Setup& setup, const std::filesystem::path& adapter, const Sink& sink,
                               const std::stop_token& stop) {
    Decoder decoder = Decoder::load(setup.model, setup.precision, sink, stop, setup.device);
    decoder.packForBatches(false);
    if (!adapter.empty()) decoder.setAdapter(loadAdapter(adapter, setup.config), false);
    return classify(decoder, setup.tokenizer, setup.test, setup.answers, setup.experiment.evaluate, Stage::ScoreAgain, sink, stop)
        .predictions;
}

/// By how much the likeliest label is likelier than the next.
double lead(const std::vector<double>& probabilities) {
    std::vector<double> best(std::min<std::size_t>(2, probabilities.size()));
    std::partial_sort_copy(probabilities.begin(), probabilities.end(), best.begin(), best.end(), std::greater<>());
    return best.size() < 2 ? 1 : best[0] - best[1];
}

void compare(const Prediction& was, const Prediction& is, Rescored& found) {
    ++found.rows;
    found.before += was.guess == was.truth;
    found.after += is.guess == is.truth;
    for (std::size_t label = 0; label < was.probabilities.size(); ++label)
        found.largestChange = std::max(found.largestChange, std::abs(was.probabilities[label] - is.probabilities[label]));
    if (was.guess == is.guess)
        ++found.equal;
    else if (lead(was.probabilities) > Rescored::kClear)
        found.different.push_back(was.record);
}

std::string percent(double share) {
    return numberText(100 * share, 1) + " %";
}

} // namespace

std::string disagreement(const Rescored& found, Fidelity fidelity) {
    if (fidelity == Fidelity::Accuracy) {
        if (found.before - found.after <= Rescored::kMostAccuracyLost + 1e-9) return {};
        return "The written model is right in " + percent(found.after) + " of " + counted(found.rows, "test row") +
               ", the run's adapter on its base in " + percent(found.before) + ".";
    }
    if (found.different.empty()) return {};
    std::string records;
    for (std::size_t i = 0; i < std::min(kMostRecordsNamed, found.different.size()); ++i)
        records += (i ? ", " : "") + std::to_string(found.different[i]);
    return "The written model gives " + std::to_string(found.different.size()) + " of " + counted(found.rows, "test row") +
           " another label than the run's adapter on its base, though the two likeliest labels lay more than " +
           numberText(Rescored::kClear, 1) + " apart (records " + records +
           (found.different.size() > kMostRecordsNamed ? ", …)." : ").");
}

Rescored rescore(const Experiment& experiment, const std::filesystem::path& adapter, const std::filesystem::path& written,
                 const Sink& sink, std::stop_token stop) {
    Experiment base = experiment;
    base.evaluate.method = EvaluationMethod::Score; // labels' probabilities are wanted
    std::vector<Prediction> was;
    {
        const Setup setup = [&] {
            try {
                return prepared(base, stop);
            } catch (const Error& error) { throw DataGone(error.code(), error.message(), error.hint()); }
        }();
        was = scored(setup, adapter, sink, stop);
    }
    Experiment merged = base;
    merged.model.path = written.string();
    if (MergeSource{base.model, adapter}.precision().isQuantised()) { // what is written is not
        merged.model.precision = "auto";
        merged.model.double_quant = false;
    }
    const std::vector<Prediction> is = scored(prepared(merged, stop), {}, sink, stop);

    Rescored found;
    for (std::size_t i = 0; i < was.size(); ++i) compare(was[i], is[i], found);
    if (found.rows > 0) {
        found.before /= static_cast<double>(found.rows);
        found.after /= static_cast<double>(found.rows);
    }
    return found;
}

} // namespace engine
