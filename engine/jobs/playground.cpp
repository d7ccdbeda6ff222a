// SPDX-License-Identifier: GPL-3.0-or-later
// A model held for prompting.
#include "engine/infer/generate.h"
#include "engine/jobs/machine.h"
#include "engine/jobs/outcome.h"
#include "engine/jobs/setup.h"
#include "engine/model/device.h"
#include "engine/train/adapter_io.h"
#include "engine/weights/hub.h"

#include <future>

namespace engine {

struct Playground::Impl {
    Tokenizer tokenizer;
    Decoder decoder;
    bool adapted = false;
};

Playground::Playground(const std::string& model, const std::string& precision, const std::filesystem::path& adapter,
                       const Sink& sink, std::stop_token stop) {
    m_impl = translated([&] {
        useSensibleThreads();
        const std::filesystem::path path = resolveModel(model);
        const at::Device device = chooseDevice("auto");
        const Precision computed = parsePrecision(precision, "auto", false, !device.is_cpu());
        std::future<Tokenizer> tokenizer = std::async(std::launch::async, tokenizerOf, path); // while the weights are read
        const std::shared_ptr<Lora> lora = adapter.empty() ? nullptr : loadAdapter(adapter, configOf(path));
        if (lora) warnOfOtherBase(adapter, path, sink);
        Decoder decoder = Decoder::load(path, computed, sink, stop, device);
        auto impl = std::make_unique<Impl>(Impl{tokenizer.get(), std::move(decoder), lora != nullptr});
        checkTokenizer(impl->tokenizer, impl->decoder.config(), path);
        impl->decoder.setAdapter(lora, false);
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

std::vector<float> Playground::logits(const std::vector<std::int32_t>& ids, bool useAdapter, std::int64_t& vocabulary) {
    return translated([&] {
        if (ids.empty()) throw Error(ErrorCode::BadInput, "There are no token ids.", "Give at least one.");
        const std::int64_t most = m_impl->decoder.config().vocab_size - 1;
        for (const std::int32_t id : ids)
            if (id < 0 || id > most)
                throw Error(ErrorCode::BadInput, "There is no token " + std::to_string(id) + " in this model.",
                            "Its tokens go from 0 to " + std::to_string(most) + ".");
        m_impl->decoder.enableAdapter(useAdapter);
        Pack pack;
        pack.add(ids);
        std::vector<std::int64_t> rows(ids.size());
        for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
        const at::Tensor logits = m_impl->decoder.logits(pack, rows);
        vocabulary = logits.size(1);
        const float* values = logits.const_data_ptr<float>();
        return std::vector<float>(values, values + logits.numel());
    });
}

} // namespace engine
