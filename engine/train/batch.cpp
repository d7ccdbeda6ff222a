// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/train/batch.h"

#include <algorithm>

namespace engine {

namespace {

std::int64_t common(std::span<const std::int32_t> a, std::span<const std::int32_t> b, std::int64_t limit) {
    limit = std::min({limit, static_cast<std::int64_t>(a.size()), static_cast<std::int64_t>(b.size())});
    std::int64_t n = 0;
    while (n < limit && a[static_cast<std::size_t>(n)] == b[static_cast<std::size_t>(n)]) ++n;
    return n;
}

/// What is read of a sample: all but its last token.
std::span<const std::int32_t> read(const Sample& sample) {
    return std::span(sample.ids).first(sample.ids.size() - 1);
}

void addTarget(std::vector<Target>& ofRow, std::int64_t row, std::int32_t token, double weight) {
    for (Target& target : ofRow)
        if (target.token == token) {
            target.weight += static_cast<float>(weight);
            return;
        }
    ofRow.push_back({row, token, static_cast<float>(weight)});
}

} // namespace

std::int64_t commonPrefix(std::span<const std::span<const std::int32_t>> texts, std::int64_t keep) {
    if (texts.empty()) return 0;
    auto length = static_cast<std::int64_t>(texts.front().size());
    for (const auto& text : texts)
        length = common(texts.front(), text, std::min(length, static_cast<std::int64_t>(text.size()) - keep));
    return std::max<std::int64_t>(0, length);
}

Batch makeBatch(SampleSpan samples, double weight, bool sharePrefix) {
    Batch batch;
    std::vector<std::span<const std::int32_t>> texts;
    for (const Sample* sample : samples) {
        texts.push_back(read(*sample));
        batch.counted += sample->counted();
    }
    const std::int64_t prefix = sharePrefix && samples.size() > 1 ? commonPrefix(texts, 1) : 0;
    const int root = prefix > 0 ? batch.pack.add(texts.front().first(static_cast<std::size_t>(prefix))) : -1;
    std::vector<std::vector<Target>> shared(static_cast<std::size_t>(prefix));
    std::vector<Target> own;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const int node = batch.pack.add(texts[i].subspan(static_cast<std::size_t>(prefix)), root);
        const std::int64_t begin = batch.pack.nodes[static_cast<std::size_t>(node)].begin - prefix;
        const auto& ids = samples[i]->ids;
        for (std::int64_t place = samples[i]->lossBegin; place < static_cast<std::int64_t>(ids.size()); ++place) {
            const std::int32_t token = ids[static_cast<std::size_t>(place)];
            const std::int64_t from = place - 1;
            if (from < prefix)
                addTarget(shared[static_cast<std::size_t>(from)], from, token, weight);
            else
                own.push_back({begin + from, token, static_cast<float>(weight)});
        }
    }
    for (const auto& ofRow : shared) batch.targets.insert(batch.targets.end(), ofRow.begin(), ofRow.end());
    batch.targets.insert(batch.targets.end(), own.begin(), own.end());
    return batch;
}

std::vector<SampleSpan> splitBatch(SampleSpan samples, std::int64_t size, std::int64_t rows) {
    std::vector<SampleSpan> parts;
    std::size_t begin = 0;
    while (begin < samples.size()) {
        std::size_t end = begin + 1;
        if (size > 0) {
            end = std::min(samples.size(), begin + static_cast<std::size_t>(size));
        } else {
            const auto first = read(*samples[begin]);
            auto prefix = static_cast<std::int64_t>(first.size()), whole = prefix;
            for (; end < samples.size(); ++end) {
                const auto next = read(*samples[end]);
                prefix = common(first, next, prefix);
                whole += static_cast<std::int64_t>(next.size());
                if (whole - prefix * static_cast<std::int64_t>(end - begin) > rows) break;
            }
        }
        parts.push_back(samples.subspan(begin, end - begin));
        begin = end;
    }
    return parts;
}

} // namespace engine
