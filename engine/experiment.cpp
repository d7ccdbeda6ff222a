// SPDX-License-Identifier: GPL-3.0-or-later
// Validation, single settings, and the difference of two experiments.
#include "engine/experiment.h"
#include "engine/weights/hub.h"
#include "engine/words/quoting.h"
#include "engine/words/yaml_tree.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace engine {

namespace {

class Validator {
public:
    explicit Validator(const Experiment& experiment) : m_e(experiment) {}

    std::vector<Issue> run() {
        ranges();
        model();
        data();
        promptTemplate();
        labels();
        train();
        return std::move(m_issues);
    }

private:
    void complain(const std::string& key, std::string message) {
        m_issues.push_back({Severity::Error, key, 0, 0, std::move(message)});
    }

    void ranges() {
        for (const Field& field : experimentFields()) {
            Experiment copy;
            try {
                field.set(copy, field.get(m_e));
            } catch (const Error& error) {
                const std::string message = error.what();
                complain(field.key, message.starts_with(field.key + " ") ? message.substr(field.key.size() + 1) : message);
            }
        }
    }

    void model() {
        const ModelSpec& m = m_e.model;
        if (m.path.empty())
            complain("model.path", "no model is named; " + std::string(namedModels().front().name) + " is " +
                                       namedModels().front().title + ".");
        if (m.double_quant && m.precision != "nf4")
            complain("model.double_quant",
                     "quantises the scales of nf4 weights, and the precision is " + m.precision + "; use false.");
        if (m.compute == "fp16" && m.device == "cpu")
            complain("model.compute", "fp16 needs a GPU, and model.device is cpu; use auto.");
        else if (m.compute != "auto" && m.compute != m.precision && m.precision != "nf4" && m.precision != "auto")
            complain("model.compute", "this version computes as the weights are held, which is " + m.precision +
                                          "; use auto, or set model.precision to " +
                                          (m.compute == "fp16" ? "auto or nf4 on a GPU" : m.compute) + ".");
    }

    void data() {
        const DataSpec& d = m_e.data;
        if (d.csv.empty()) complain("data.csv", "no data file is named.");
        if (d.encoding.empty()) complain("data.encoding", "is empty; use auto.");
        const bool oneCharacter = d.delimiter.size() == 1 && d.delimiter != "\"" && d.delimiter != "\n" && d.delimiter != "\r";
        if (d.delimiter != "auto" && d.delimiter != "tab" && !oneCharacter)
            complain("data.delimiter", "must be one ASCII character other than a quote, tab, or auto.");
        if (d.label.empty()) complain("data.label", "is empty; use a column's name or number, or auto.");
        if (d.text.empty()) complain("data.text", "is empty; use a column's name or number, or auto.");
        if (d.label != "auto" && !d.label.empty() && d.label == d.text)
            complain("data.text", "is the label's column too (" + d.text + ").");
        if (d.labels.size() == 1) complain("data.labels", "names one label only; a classifier needs at least two.");
        std::set<std::string> seen;
        for (const std::string& label : d.labels)
            if (!seen.insert(label).second) complain("data.labels", "names \"" + label + "\" twice.");
        const std::string& unanswered = m_e.evaluate.unanswered;
        if (unanswered.empty())
            complain("evaluate.unanswered", "is empty; use separate or a label.");
        else if (unanswered != "separate" && !seen.empty() && !seen.contains(unanswered))
            complain("evaluate.unanswered", "\"" + unanswered + "\" is neither separate nor one of data.labels.");
    }

    void promptTemplate() {
        const std::string key = "prompt.template";
        const std::string& text = m_e.prompt.text_template;
        const auto count = [&](const std::string& what) {
            std::size_t found = 0;
            for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
            return found;
        };
        if (text.empty()) return complain(key, "is missing; for example \"Text: {text}\\nLabel: {label}\".");
        const std::size_t texts = count("{text}"), labelsIn = count("{label}");
        if (texts != 1)
            complain(key, texts == 0 ? "does not hold {text}, the place of the row's text."
                                     : "holds {text} " + std::to_string(texts) + " times; once is right.");
        if (labelsIn != 1)
            return complain(key, labelsIn == 0
                                     ? "does not end in {label}, the place of the answer."
                                     : "holds {label} " + std::to_string(labelsIn) + " times; once, at the end, is right.");
        if (!text.ends_with("{label}")) {
            const std::string rest = text.substr(text.find("{label}") + 7);
            const bool blank = rest.find_first_not_of(" \n\r\t") == std::string::npos;
            complain(key, blank ? "has blanks or an empty line after {label}, which must be its end; in YAML, a block that "
                                  "begins with |- has none."
                                : "goes on after {label}, which must be its end.");
        }
    }

    void labels() {
        const auto& known = m_e.data.labels;
        std::map<std::string, std::string> spelled; // label -> spelling
        for (const std::string& label : known) spelled[label] = label;
        for (const auto& [label, spelling] : m_e.prompt.labels) {
            if (!known.empty() && std::find(known.begin(), known.end(), label) == known.end())
                complain("prompt.labels", "\"" + label + "\" is not one of data.labels.");
            if (spelling.find_first_not_of(" \t\n\r") == std::string::npos)
                complain("prompt.labels", "the spelling of \"" + label + "\" is empty.");
            spelled[label] = spelling;
        }
        std::map<std::string, std::string> owner;
        for (const auto& [label, spelling] : spelled) {
            const auto [at, fresh] = owner.emplace(spelling, label);
            if (!fresh)
                complain("prompt.labels", "\"" + at->second + "\" and \"" + label + "\" are both spelled \"" + spelling + "\".");
        }
    }

    void train() {
        const TrainSpec& t = m_e.train;
        std::int64_t micro = 0;
        std::from_chars(t.micro_batch_size.data(), t.micro_batch_size.data() + t.micro_batch_size.size(), micro);
        if (micro > t.batch_size)
            complain("train.micro_batch_size",
                     std::to_string(micro) + " is more than train.batch_size, " + std::to_string(t.batch_size) + ".");
        if (t.eval_every > 0 && m_e.data.split.eval_per_label == 0)
            complain("train.eval_every", "asks for evaluations while data.split.eval_per_label is 0.");
    }

    const Experiment& m_e;
    std::vector<Issue> m_issues;
};

} // namespace

void applySetting(Experiment& experiment, const std::string& assignment) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0)
        throw Error(ErrorCode::BadInput, "\"" + excerpt(assignment) + "\" is no setting.",
                    "Write KEY=VALUE, for example lora.r=8.");
    experimentField(assignment.substr(0, equals)).set(experiment, assignment.substr(equals + 1));
}

void applySettingFrom(Experiment& experiment, const std::string& assignment, const std::filesystem::path& workingDirectory) {
    applySetting(experiment, assignment);
    const std::filesystem::path csv = experiment.data.csv;
    if (assignment.starts_with("data.csv=") && !csv.empty() && csv.is_relative())
        experiment.data.csv = (std::filesystem::absolute(workingDirectory) / csv).lexically_normal().string();
}

std::vector<Issue> validate(const Experiment& experiment) {
    return Validator(experiment).run();
}

std::filesystem::path dataPath(const Experiment& experiment) {
    return (experiment.directory / experiment.data.csv).lexically_normal();
}

Experiment withAbsolutePaths(Experiment experiment) {
    if (!experiment.data.csv.empty())
        experiment.data.csv = std::filesystem::absolute(dataPath(experiment)).lexically_normal().string();
    return experiment;
}

std::vector<Difference> diff(const Experiment& left, const Experiment& right) {
    std::vector<Difference> differences;
    for (const Field& field : experimentFields()) {
        std::string a = field.get(left), b = field.get(right);
        if (a != b) differences.push_back({field.key, std::move(a), std::move(b)});
    }
    return differences;
}

} // namespace engine
