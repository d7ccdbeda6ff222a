// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/decoder.h"
#include "engine/model/decoder_backend.h"
#include "engine/model/model_reader.h"

#include <algorithm>

namespace engine {

namespace {

void check(const Pack& pack, const DecoderConfig& config) {
    const auto longest = std::max_element(pack.positions.begin(), pack.positions.end());
    if (longest != pack.positions.end() && *longest >= config.max_positions)
        throw Error(ErrorCode::BadInput,
                    "A text is longer than the " + std::to_string(config.max_positions) + " tokens this model can read.",
                    "Shorten it, or lower train.max_tokens.");
    for (const std::int32_t id : pack.ids)
        if (id < 0 || id >= config.vocab_size)
            throw Error(ErrorCode::BadInput,
                        "Token " + std::to_string(id) + " is outside the model's vocabulary of " +
                            std::to_string(config.vocab_size) + ".",
                        "The tokenizer does not fit the model.");
}

} // namespace

Decoder::Decoder(std::unique_ptr<DecoderBackend> backend) : m_backend(std::move(backend)) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

Decoder Decoder::load(const std::filesystem::path& model, Precision precision, const Sink& sink, std::stop_token stop,
                      at::Device device) {
    if (!device.is_cpu()) return loadPlain(model, precision, device, sink, stop);
    ModelReader reader(model, precision, sink, std::move(stop));
    return Decoder(hostDecoder(reader));
}

Decoder Decoder::loadPlain(const std::filesystem::path& model, Precision precision, at::Device device, const Sink& sink,
                           std::stop_token stop) {
    ModelReader reader(model, precision, sink, std::move(stop));
    return Decoder(deviceDecoder(reader, device));
}

const DecoderConfig& Decoder::config() const {
    return m_backend->config;
}
Precision Decoder::precision() const {
    return m_backend->precision;
}
at::Device Decoder::device() const {
    return m_backend->device;
}
std::int64_t Decoder::byteCount() const {
    return m_backend->byteCount();
}
void Decoder::packForBatches(bool training) {
    m_backend->packForBatches(training);
}
Lora* Decoder::adapter() const {
    return m_backend->adapter.get();
}
void Decoder::enableAdapter(bool on) {
    m_backend->enabled = on;
}

void Decoder::setAdapter(std::shared_ptr<Lora> adapter, bool fresh) {
    m_backend->adapter = std::move(adapter);
    m_backend->bindAdapter(fresh);
}

at::Tensor Decoder::logits(const Pack& pack, const std::vector<std::int64_t>& rows, KvCache* cache) const {
    check(pack, config());
    return m_backend->logits(pack, rows, cache);
}

Predicted Decoder::predict(const Pack& pack, const std::vector<Target>& targets, const std::vector<std::int64_t>& rows,
                           KvCache* cache) const {
    check(pack, config());
    return m_backend->predict(pack, targets, rows, cache);
}

std::vector<float> Decoder::logProbabilities(const Pack& pack, const std::vector<Target>& targets, KvCache* cache) const {
    return predict(pack, targets, {}, cache).logProbabilities;
}

void Decoder::prefill(const Pack& pack, KvCache& cache) const {
    check(pack, config());
    m_backend->prefill(pack, cache);
}

double Decoder::loss(const Pack& pack, const std::vector<Target>& targets) const {
    check(pack, config());
    return m_backend->loss(pack, targets);
}

void Decoder::dropGradients() {
    static_cast<void>(m_backend->collectLoss()); // what a stopped step left
    adapter()->gradients().zero_();
}

void Decoder::addGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout) {
    if (!m_backend->adapted()) throw Error(ErrorCode::Internal, "There is no adapter to train.");
    check(pack, config());
    m_backend->addGradients(pack, targets, dropout);
}

double Decoder::collectLoss() {
    return m_backend->collectLoss();
}

double Decoder::lossAndGradients(const Pack& pack, const std::vector<Target>& targets, const Dropout& dropout) {
    addGradients(pack, targets, dropout);
    return collectLoss();
}

} // namespace engine
