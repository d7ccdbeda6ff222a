// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/decoder_backend.h"

#include <ATen/Functions.h>

namespace engine {

Lora::Bias* DecoderBackend::trainedHeadBias() const {
    if (!adapter) return nullptr;
    std::vector<Lora::Bias>& all = adapter->biasTerms();
    const auto is = [&](const Lora::Bias& bias) { return bias.name == config.head.folder + ".bias"; };
    const auto found = std::find_if(all.begin(), all.end(), is);
    return found == all.end() ? nullptr : &*found;
}

at::Tensor DecoderBackend::logits(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) {
    at::Tensor all;
    guarded(pack.rows(), [&] {
        const c10::InferenceMode guard;
        const at::Tensor x = states(pack, rows, cache);
        all = at::empty({x.size(0), config.vocab_size}, x.options().dtype(at::kFloat));
        forHeadRows(x.size(0), [&](std::int64_t begin, std::int64_t end) {
            all.narrow(0, begin, end - begin).copy_(headLogits(x.narrow(0, begin, end - begin)));
        });
    });
    return all;
}

Predicted DecoderBackend::predict(const Pack& pack, const std::vector<Target>& targets, const std::vector<std::int64_t>& rows,
                                  KvCache* cache) {
    Predicted result;
    guarded(pack.rows(), [&] {
        const c10::InferenceMode guard;
        const TargetRows sorted(targets, rows);
        const Answers found = answers(states(pack, sorted.rows, cache), sorted, !rows.empty());
        result.logProbabilities.resize(targets.size());
        for (std::size_t i = 0; i < targets.size(); ++i) result.logProbabilities[sorted.origin[i]] = found.logProbabilities[i];
        for (const std::int64_t row : rows) result.likeliest.push_back(found.likeliest[sorted.place(row)]);
    });
    return result;
}

void DecoderBackend::prefill(const Pack& pack, KvCache& cache) {
    guarded(pack.rows(), [&] {
        const c10::InferenceMode guard;
        states(pack, {}, &cache);
    });
}

double DecoderBackend::loss(const Pack& pack, const std::vector<Target>& targets) {
    double sum = 0;
    guarded(pack.rows(), [&] {
        const c10::InferenceMode guard;
        const TargetRows sorted(targets);
        sum = lossOf(states(pack, sorted.rows, nullptr), sorted);
    });
    return sum;
}

} // namespace engine
