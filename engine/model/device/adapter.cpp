// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device/adapter.h"
#include "engine/model/device/upload.h"

#include <ATen/core/grad_mode.h>

namespace engine::device {

namespace {

at::Tensor part(const at::Tensor& whole, const AdapterSlot::Piece& piece) {
    return whole.narrow(0, piece.row, piece.rows).narrow(1, piece.column, piece.columns);
}

at::Tensor flatPart(const at::Tensor& flat, const AdapterSlot::Piece& piece) {
    return flat.narrow(0, piece.offset, piece.rows * piece.columns).view({piece.rows, piece.columns});
}

} // namespace

AdapterSlot::AdapterSlot(at::Tensor rest, std::vector<Piece> pieces) : m_value(rest.clone()), m_pieces(std::move(pieces)) {
    m_value.requires_grad_();
}

void AdapterSlot::refresh(const at::Tensor& flatValues) {
    for (const Piece& piece : m_pieces) part(m_value, piece).copy_(flatPart(flatValues, piece) * piece.scale);
}

void AdapterSlot::addGradient(const at::Tensor& gradient, double scale, const at::Tensor& flatGradients) const {
    for (const Piece& piece : m_pieces) flatPart(flatGradients, piece).add_(part(gradient, piece), piece.scale * scale);
}

Adapter::Adapter(Lora* lora, at::Device device) : m_lora(lora), m_device(device) {
    if (!lora) return;
    m_host = hostBuffer({lora->parameterCount()}, at::kFloat, device);
    m_values = at::empty({lora->parameterCount()}, at::TensorOptions(at::kFloat).device(device));
}

SlotPointer Adapter::add(at::Tensor rest, std::vector<AdapterSlot::Piece> pieces) {
    return m_slots.emplace_back(std::make_shared<AdapterSlot>(std::move(rest), std::move(pieces)));
}

AdapterSlot::Piece Adapter::piece(const at::Tensor& value, std::int64_t row, std::int64_t column, double scale) {
    const bool matrix = value.dim() == 2;
    return {value.storage_offset(), matrix ? value.size(0) : 1, value.size(-1), row, column, scale};
}

void Adapter::seed(Lora::Bias& bias, const at::Tensor& base) {
    const c10::InferenceMode guard; // whichever mode the adapter was made in
    bias.value.copy_(base.view({-1}));
}

void Adapter::refresh() {
    if (!m_lora || m_version == m_lora->version()) return;
    const c10::InferenceMode tracked(false);
    const at::NoGradGuard guard;
    m_host.copy_(m_lora->values());
    m_values.copy_(m_host, /*non_blocking=*/true);
    for (const SlotPointer& slot : m_slots) slot->refresh(m_values);
    m_version = m_lora->version();
}

at::Tensor Adapter::newGradients() const {
    return at::zeros_like(m_values);
}

void Adapter::fetch(const at::Tensor& flatGradients) {
    m_host.copy_(flatGradients, /*non_blocking=*/true);
}

void Adapter::addFetched() {
    const c10::InferenceMode guard;
    m_lora->gradients().add_(m_host);
}

} // namespace engine::device
