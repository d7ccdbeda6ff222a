// SPDX-License-Identifier: GPL-3.0-or-later
// numpy's legacy generator drawing what scikit-learn's train_test_split and pandas' sample draw (numpy/random/mtrand.pyx).
#include "engine/data/split.h"

#include "engine/words/numbers.h"
#include "engine/words/quoting.h"

#include <algorithm>
#include <fmt/core.h>
#include <limits>
#include <numeric>
#include <random>

namespace engine {
namespace {

constexpr std::int64_t kMostPerLabel = 10'000'000; // of the setting too

// numpy.random.RandomState(seed), as far as permutation and choice go.
class RandomState {
public:
    explicit RandomState(std::int64_t seed) : m_engine(static_cast<std::uint32_t>(seed)) {}

    std::vector<std::size_t> permutation(std::size_t size) {
        std::vector<std::size_t> order(size);
        std::iota(order.begin(), order.end(), std::size_t{0});
        for (std::size_t i = size; i-- > 1;) std::swap(order[i], order[below(i)]);
        return order;
    }
    // choice(size, count): with replacement.
    std::vector<std::size_t> choice(std::size_t size, std::size_t count) {
        std::vector<std::size_t> chosen(count);
        for (std::size_t& index : chosen) index = below(size - 1);
        return chosen;
    }

private:
    // 0..most, by masking draws until one is small enough; draws nothing for 0. Rows are far fewer than 2^32.
    std::size_t below(std::size_t most) {
        if (most == 0) return 0;
        std::uint32_t mask = static_cast<std::uint32_t>(most);
        for (int shift = 1; shift < 32; shift *= 2) mask |= mask >> shift;
        std::uint32_t value = 0;
        do value = static_cast<std::uint32_t>(m_engine()) & mask;
        while (value > most);
        return value;
    }

    std::mt19937 m_engine;
};

void requireRange(const char* key, std::int64_t value, std::int64_t most) {
    if (value >= 0 && value <= most) return;
    throw Error(ErrorCode::BadInput, fmt::format("data.split.{} must be 0 to {}, got {}.", key, most, value));
}

// Sizes that the smallest label can fill, in the proportion asked for.
std::string whatFits(std::int64_t smallest, const SplitSpec& spec) {
    if (smallest == 0) return "Leave labels without rows out of data.labels, or add rows that have them.";
    const std::int64_t room = std::max<std::int64_t>(0, smallest - (spec.eval_per_label > 0 ? 1 : 0));
    const double share = static_cast<double>(room) / static_cast<double>(spec.train_per_label + spec.test_per_label);
    const auto train = static_cast<std::int64_t>(share * static_cast<double>(spec.train_per_label));
    const std::int64_t test = std::min(spec.test_per_label, room - train);
    return fmt::format("data.split.train_per_label {} with test_per_label {} would fit.", train, test);
}

void requireRows(const Dataset& dataset, const std::vector<std::vector<std::size_t>>& rowsOf, const SplitSpec& spec) {
    const std::int64_t wanted = spec.train_per_label + spec.test_per_label;
    std::int64_t smallest = std::numeric_limits<std::int64_t>::max();
    for (const auto& rows : rowsOf) smallest = std::min(smallest, static_cast<std::int64_t>(rows.size()));
    for (std::size_t label = 0; label < rowsOf.size(); ++label) {
        const auto rows = static_cast<std::int64_t>(rowsOf[label].size());
        const std::string start = fmt::format("The label {} has {}", inQuotes(dataset.labels[label]), counted(rows, "row"));
        if (rows < wanted) {
            throw Error(ErrorCode::BadInput,
                        fmt::format("{}, but the split wants {} for training and {} for the test.", start, spec.train_per_label,
                                    spec.test_per_label),
                        whatFits(smallest, spec));
        }
        if (rows == wanted && spec.eval_per_label > 0) {
            throw Error(ErrorCode::BadInput,
                        fmt::format("{}, and training ({}) and test ({}) take them all: none is left for the {} of "
                                    "data.split.eval_per_label.",
                                    start, spec.train_per_label, spec.test_per_label, spec.eval_per_label),
                        "Set data.split.eval_per_label to 0, or take fewer rows. " + whatFits(smallest, spec));
        }
    }
}

} // namespace

Splits split(const Dataset& dataset, const SplitSpec& spec) {
    constexpr std::int64_t kMostSeed = std::numeric_limits<std::uint32_t>::max();
    requireRange("train_per_label", spec.train_per_label, kMostPerLabel);
    requireRange("test_per_label", spec.test_per_label, kMostPerLabel);
    requireRange("eval_per_label", spec.eval_per_label, kMostPerLabel);
    requireRange("seed", spec.seed, kMostSeed);
    requireRange("shuffle_seed", spec.shuffle_seed, kMostSeed);

    std::vector<std::vector<std::size_t>> rowsOf(dataset.labels.size());
    for (std::size_t i = 0; i < dataset.examples.size(); ++i)
        rowsOf.at(static_cast<std::size_t>(dataset.examples[i].label)).push_back(i);
    requireRows(dataset, rowsOf, spec);

    const auto trainSize = static_cast<std::size_t>(spec.train_per_label);
    const auto testSize = static_cast<std::size_t>(spec.test_per_label);
    const auto evalSize = static_cast<std::size_t>(spec.eval_per_label);
    Splits splits;
    std::vector<std::size_t> train;
    std::vector<bool> taken(dataset.examples.size());
    for (std::size_t label = rowsOf.size(); label-- > 0;) {
        const std::vector<std::size_t>& rows = rowsOf[label];
        const std::vector<std::size_t> order = RandomState(spec.seed).permutation(rows.size());
        for (std::size_t i = 0; i < testSize + trainSize; ++i) {
            (i < testSize ? splits.test : train).push_back(rows[order[i]]);
            taken[rows[order[i]]] = true;
        }
    }
    for (std::size_t i : RandomState(spec.shuffle_seed).permutation(train.size())) splits.train.push_back(train[i]);

    // Groups come in the order of their keys, whatever order the labels have.
    std::vector<std::size_t> groups(dataset.labels.size());
    std::iota(groups.begin(), groups.end(), std::size_t{0});
    std::sort(groups.begin(), groups.end(), [&](std::size_t a, std::size_t b) { return dataset.labels[a] < dataset.labels[b]; });
    for (std::size_t label : groups) {
        if (evalSize == 0) break;
        std::vector<std::size_t> left;
        std::copy_if(rowsOf[label].begin(), rowsOf[label].end(), std::back_inserter(left),
                     [&](std::size_t i) { return !taken[i]; });
        for (std::size_t i : RandomState(spec.shuffle_seed).choice(left.size(), evalSize)) splits.eval.push_back(left[i]);
    }
    return splits;
}

} // namespace engine
