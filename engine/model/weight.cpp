// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/weight.h"
#include "engine/kernels/kernels.h"
#include "engine/model/onednn.h"
#include "engine/model/rows.h"

#include <ATen/Functions.h>
#include <algorithm>

namespace engine {

namespace {

/// Rows up to which streaming the weights through our kernel beats a matrix product.
constexpr std::int64_t kFewRows = 4;

void addFewRows(const at::Tensor& matrix, const at::Tensor& x, const at::Tensor& y) {
    const kernels::Rows to = rowsOf(y);
    forRows(matrix.size(0), matrix.size(1), [&](std::int64_t begin, std::int64_t end) {
        kernels::multiplyFewRows(x.const_data_ptr<float>(), x.size(0), x.size(1), rowsOf(matrix, begin), end - begin,
                                 {static_cast<char*>(to.data) + begin * kernels::sizeOf(to.type), to.stride, to.type});
    });
}

} // namespace

Weight::Weight(std::vector<at::Tensor> parts) : m_in(parts.front().size(1)), m_type(parts.front().scalar_type()), m_dense(std::move(parts)) {
    for (const at::Tensor& part : m_dense) m_out += part.size(0);
}

Weight::Weight(std::vector<Nf4Matrix> parts, at::ScalarType type) : m_in(parts.front().in), m_type(type), m_nf4(std::move(parts)) {
    for (const Nf4Matrix& part : m_nf4) m_out += part.out;
}

std::int64_t Weight::byteCount() const {
    std::int64_t bytes = 0;
    for (const Nf4Matrix& part : m_nf4) bytes += part.byteCount();
    const std::int64_t copies = !m_dense.empty() + m_packed.defined() + m_packedBack.defined();
    return bytes + copies * m_in * m_out * (m_type == at::kFloat ? 4 : 2);
}

void Weight::packForBatches(bool backward) {
    if (m_type != at::kBFloat16 || m_dense.empty() || !canPrepack()) return;
    const at::Tensor whole = m_dense.size() == 1 ? m_dense[0] : at::cat(m_dense, 0);
    m_packed = prepacked(whole);
    if (!backward) return;
    m_packedBack = prepacked(whole.t().contiguous());
    m_dense.clear();
}

std::vector<at::Tensor> Weight::parts() const {
    if (m_nf4.empty()) return m_dense;
    static thread_local at::Tensor room; // one for all matrices: 4-bit weights are expanded one at a time
    if (!room.defined() || room.scalar_type() != m_type || room.numel() < m_out * m_in) room = at::empty({m_out * m_in}, m_type);
    std::int64_t row = 0;
    for (const Nf4Matrix& part : m_nf4) {
        dequantizeInto(part, room.narrow(0, row * m_in, part.out * m_in));
        row += part.out;
    }
    return {room.narrow(0, 0, m_out * m_in).view({m_out, m_in})};
}

at::Tensor Weight::timesFewRows(const at::Tensor& x, at::Tensor y) const {
    const at::Tensor input = x.to(at::kFloat).contiguous();
    const at::Tensor apart = m_nf4.empty() ? at::Tensor() : evenBeforeOdd(input);
    std::int64_t row = 0;
    const auto next = [&](std::int64_t rows) {
        row += rows;
        return y.narrow(1, row - rows, rows);
    };
    for (const at::Tensor& part : m_dense) addFewRows(part, input, next(part.size(0)));
    for (const Nf4Matrix& part : m_nf4) engine::addFewRows(part, apart, next(part.out));
    return y;
}

at::Tensor Weight::times(const at::Tensor& x, const at::Tensor& add) const {
    const bool streamed = std::all_of(m_nf4.begin(), m_nf4.end(), [](const Nf4Matrix& part) { return part.rowsAreBlocks(); }) && !(m_dense.empty() && m_nf4.empty());
    if (x.size(0) <= kFewRows && streamed) return timesFewRows(x, add.defined() ? add : at::zeros({x.size(0), m_out}, x.options()));
    if (m_packed.defined()) return prepackedProduct(x, m_packed, add);
    const std::vector<at::Tensor> matrices = parts();
    if (matrices.size() == 1) return add.defined() ? at::addmm(add, x, matrices[0].t()) : at::mm(x, matrices[0].t());
    at::Tensor y = add.defined() ? add : at::empty({x.size(0), m_out}, x.options());
    std::int64_t row = 0;
    for (const at::Tensor& matrix : matrices) {
        at::Tensor columns = y.narrow(1, row, matrix.size(0));
        if (add.defined()) at::addmm_out(columns, columns, x, matrix.t());
        else at::mm_out(columns, x, matrix.t());
        row += matrix.size(0);
    }
    return y;
}

at::Tensor Weight::backTimes(const at::Tensor& dy, const at::Tensor& add) const {
    if (m_packedBack.defined()) return prepackedProduct(dy, m_packedBack, add);
    at::Tensor dx = add;
    std::int64_t row = 0;
    for (const at::Tensor& matrix : parts()) {
        const at::Tensor columns = dy.narrow(1, row, matrix.size(0));
        dx = dx.defined() ? at::addmm(dx, columns, matrix) : at::mm(columns, matrix);
        row += matrix.size(0);
    }
    return dx;
}

} // namespace engine
