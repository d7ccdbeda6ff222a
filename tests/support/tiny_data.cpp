// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/tiny_data.h"

#include <array>
#include <fstream>
#include <random>

namespace testing_support {
namespace {

constexpr std::array<const char*, 16> kWho{"The bakery",  "Our ferry line",     "The mill",     "A small printer",
                                           "The orchard", "This tram operator", "The brewery",  "The shipyard",
                                           "A toy maker", "The quarry",         "The bookshop", "Their foundry",
                                           "The airline", "A seed trader",      "The dairy",    "The paper plant"};
constexpr std::array<std::array<const char*, 8>, 3> kWhat{{
    {"lost money", "cut jobs", "missed its target", "closed a branch", "warned of losses", "sank deeper into debt",
     "recalled its goods", "saw orders collapse"},
    {"holds its meeting on Monday", "moved its office", "named a new clerk", "publishes a list in May", "uses the old road",
     "lies near the river", "counts its stock", "has two entrances"},
    {"won a large order", "earned more than ever", "raised its outlook", "hired new staff", "doubled its profit",
     "opened a bright shop", "beat its target", "saw sales grow"},
}};
constexpr std::array<const char*, 6> kWhen{"this year", "in spring", "again", "last week", "in the north", "after all"};

} // namespace

const std::vector<std::string>& tinyLabels() {
    static const std::vector<std::string> labels{"negative", "neutral", "positive"};
    return labels;
}

std::vector<std::pair<std::string, std::string>> tinySentences(int perLabel, std::uint64_t seed) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (std::size_t label = 0; label < kWhat.size(); ++label) {
        for (int n = 0; n < perLabel; ++n) {
            const auto i = static_cast<std::size_t>(n);
            const auto& what = kWhat[label];
            // Every combination comes once before a year makes the sentence another one.
            std::string text = std::string(kWho[i % kWho.size()]) + " " + what[(i + i / kWho.size()) % what.size()] + " " +
                               kWhen[(i / (kWho.size() * what.size()) + i) % kWhen.size()];
            if (i >= kWho.size() * what.size()) text += " of " + std::to_string(1900 + n);
            rows.emplace_back(tinyLabels()[label], text + ".");
        }
    }
    std::mt19937_64 engine(seed);
    for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[engine() % i]);
    return rows;
}

std::filesystem::path writeTinyCsv(const std::filesystem::path& file, int perLabel, std::uint64_t seed) {
    std::ofstream out(file, std::ios::binary);
    out << "label,text\n";
    for (const auto& [label, text] : tinySentences(perLabel, seed)) out << label << ",\"" << text << "\"\n";
    return file;
}

engine::Experiment tinyExperiment(const std::filesystem::path& model, const std::filesystem::path& csv) {
    engine::Experiment experiment;
    experiment.name = "tiny";
    experiment.model.path = model.string();
    experiment.model.precision = "fp32";
    experiment.data.csv = csv.string();
    experiment.data.header = "true";
    experiment.data.label = "label";
    experiment.data.text = "text";
    experiment.data.labels = tinyLabels();
    experiment.data.split = {.train_per_label = 12, .test_per_label = 10, .eval_per_label = 4, .seed = 42, .shuffle_seed = 10};
    experiment.prompt.text_template = "How is this news: {text}\nAnswer: {label}";
    experiment.lora.r = 4;
    experiment.lora.alpha = 8;
    experiment.lora.dropout = 0;
    experiment.train.epochs = 2;
    experiment.train.batch_size = 6;
    experiment.train.learning_rate = 5e-3;
    experiment.train.max_tokens = 128;
    experiment.train.checkpoint_every = 4;
    experiment.directory = csv.parent_path();
    return experiment;
}

} // namespace testing_support
