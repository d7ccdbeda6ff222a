// SPDX-License-Identifier: GPL-3.0-or-later
// The adapter's values on a device, and the way of their gradients back.
#pragma once
#include "engine/model/lora.h"

#include <ATen/core/Tensor.h>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace engine::device {

/// One tensor that the model computes with, made of pieces of the adapter's flat values: several modules' A below each other, a
/// trained bias.
class AdapterSlot {
public:
    /// A view of the flat values, a vector [n] as [1, n], that lies at (row, column) of the slot, multiplied by scale.
    struct Piece {
        std::int64_t offset = 0, rows = 0, columns = 0, row = 0, column = 0;
        double scale = 1;
    };

    /// `rest`: what it holds beside the pieces.
    AdapterSlot(at::Tensor rest, std::vector<Piece> pieces);
    /// A leaf of autograd's graph [rows, columns].
    const at::Tensor& value() const { return m_value; }
    void refresh(const at::Tensor& flatValues);
    void addGradient(const at::Tensor& gradient, double scale, const at::Tensor& flatGradients) const;

private:
    at::Tensor m_value;
    std::vector<Piece> m_pieces;
};

using SlotPointer = std::shared_ptr<AdapterSlot>;

class Adapter {
public:
    Adapter(Lora* lora, at::Device device);

    /// A new slot; `rest` as there. Of its leaves autograd gives gradients only.
    SlotPointer add(at::Tensor rest, std::vector<AdapterSlot::Piece> pieces);
    static AdapterSlot::Piece piece(const at::Tensor& value, std::int64_t row, std::int64_t column, double scale = 1);

    /// A bias of the adapter starts from the base's.
    static void seed(Lora::Bias& bias, const at::Tensor& base);

    /// Copies the adapter's values when they changed.
    void refresh();
    const std::vector<SlotPointer>& slots() const { return m_slots; }
    /// Zeros [P] for a pass's gradients.
    at::Tensor newGradients() const;
    /// Begins to copy them to the host…
    void fetch(const at::Tensor& flatGradients);
    /// …and adds them to the adapter's, once the device has been waited for.
    void addFetched();

private:
    Lora* m_lora;
    at::Device m_device;
    std::uint64_t m_version = 0;
    at::Tensor m_host, m_values; // [P] float
    std::vector<SlotPointer> m_slots;
};

} // namespace engine::device
