// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/packed.h"
#include "engine/model/host/onednn.h"

#include <ATen/Functions.h>

namespace engine::host {

Packed::Packed(std::vector<at::Tensor> parts, bool backward) : Matrix(rowsOfAll(parts), parts.front().size(1), at::kBFloat16) {
    const at::Tensor whole = parts.size() == 1 ? parts[0] : at::cat(parts, 0);
    m_packed = prepacked(whole);
    if (backward)
        m_packedBack = prepacked(whole.t().contiguous());
    else
        m_plain = std::make_shared<Dense>(std::move(parts));
}

std::int64_t Packed::byteCount() const {
    const std::int64_t copies = 1 + (m_plain != nullptr) + m_packedBack.defined();
    return copies * in() * out() * 2;
}

std::shared_ptr<Matrix> Packed::laidOutForBatches(bool backward) {
    if (!backward || !m_plain) return nullptr;
    m_packed.reset();
    const std::shared_ptr<Matrix> other = m_plain->laidOutForBatches(true);
    return other ? other : m_plain;
}

void Packed::addFewRows(const at::Tensor& x, const at::Tensor& y) const {
    m_plain->times(x, y);
}

at::Tensor Packed::multiply(const at::Tensor& x, const at::Tensor& add) const {
    return prepackedProduct(x, m_packed, add);
}

at::Tensor Packed::multiplyBack(const at::Tensor& dy, const at::Tensor& add) const {
    return m_packedBack.defined() ? prepackedProduct(dy, m_packedBack, add) : m_plain->backTimes(dy, add);
}

} // namespace engine::host
