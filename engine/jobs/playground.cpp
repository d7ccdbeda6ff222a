// SPDX-License-Identifier: GPL-3.0-or-later
// A model held for prompting.
#include "engine/infer/finite.h"
#include "engine/infer/generate.h"
#include "engine/jobs/machine.h"
#include "engine/jobs/outcome.h"
#include "engine/jobs/setup.h"
#include "engine/kernels/kernels.h"
#include "engine/model/device.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/hub.h"

#include <future>
#include <numeric>

namespace engine {

struct Playground::Impl {
    Tokenizer tokenizer;
    Decoder decoder;
    bool adapted = false;
};

namespace {

/// With its adapter on, if there is one.
struct Loaded {
    Decoder decoder;
    bool adapted = false;
};

Loaded load(const std::filesystem::path& path, const std::string& precision, const std::filesystem::path& adapter,
            const Sink& sink, std::stop_token stop) {
    const at::Device device = chooseDevice("auto");
    const Precision computed = parsePrecision(precision, "auto", false, !device.is_cpu());
    const std::shared_ptr<Lora> lora = adapter.empty() ? nullptr : loadAdapter(adapter, configOf(path));
    if (lora) warnOfOtherBase(adapter, path, sink);
    Loaded loaded{Decoder::load(path, computed, sink, stop, device), lora != nullptr};
    loaded.decoder.setAdapter(lora, false);
    return loaded;
}

} // namespace

Playground::Playground(const std::string& model, const std::string& precision, const std::filesystem::path& adapter,
                       const Sink& sink, std::stop_token stop) {
    m_impl = translated([&] {
        useSensibleThreads();
        const std::filesystem::path path = resolveModel(model);
        std::future<Tokenizer> tokenizer = std::async(std::launch::async, tokenizerOf, path); // while the weights are read
        Loaded loaded = load(path, precision, adapter, sink, stop);
        auto impl = std::make_unique<Impl>(Impl{tokenizer.get(), std::move(loaded.decoder), loaded.adapted});
        checkTokenizer(impl->tokenizer, impl->decoder.config(), path);
        return impl;
    });
}
Playground::~Playground() = default;
Playground::Playground(Playground&&) noexcept = default;
Playground& Playground::operator=(Playground&&) noexcept = default;

bool Playground::hasAdapter() const {
    return m_impl->adapted;
}

Generated Playground::generate(const std::string& prompt, const GenerateOptions& options, bool useAdapter, int column,
                               const Sink& sink, std::stop_token stop) {
    return translated([&] {
        m_impl->decoder.enableAdapter(useAdapter);
        std::vector<std::int32_t> ids = m_impl->tokenizer.encode(prompt);
        if (m_impl->tokenizer.addsBos()) ids.insert(ids.begin(), m_impl->tokenizer.bos());
        const auto say = [&](const std::string& text) {
            if (sink) sink(TokenEvent{0, column, text});
        };
        return engine::generate(m_impl->decoder, m_impl->tokenizer, ids, options, say, stop);
    });
}

Logits logits(const std::string& model, const std::string& precision, const std::filesystem::path& adapter,
              const std::vector<std::int32_t>& ids, const Sink& sink, std::stop_token stop) {
    return translated([&] {
        useSensibleThreads();
        if (ids.empty()) throw Error(ErrorCode::BadInput, "There are no token ids.", "Give at least one.");
        const std::filesystem::path path = resolveModel(model);
        const DecoderConfig config = configOf(path);
        for (const std::int32_t id : ids)
            if (id < 0 || id >= config.vocab_size)
                throw Error(ErrorCode::BadInput, "There is no token " + std::to_string(id) + " in this model.",
                            "Its tokens go from 0 to " + std::to_string(config.vocab_size - 1) + ".");
        const Decoder decoder = load(path, precision, adapter, sink, stop).decoder;
        Pack pack;
        pack.add(ids);
        std::vector<std::int64_t> rows(ids.size());
        std::iota(rows.begin(), rows.end(), std::int64_t{0});
        const at::Tensor found = decoder.logits(pack, rows);
        const float* values = found.const_data_ptr<float>();
        if (const auto at = kernels::firstNotFinite(values, found.numel(), kernels::Scalar::F32); at >= 0)
            refuseNotFinite("for token " + std::to_string(at / found.size(1) + 1));
        return Logits{std::vector<float>(values, values + found.numel()), found.size(1)};
    });
}

} // namespace engine
