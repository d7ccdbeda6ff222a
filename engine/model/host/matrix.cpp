// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/matrix.h"

#include "engine/error.h"

#include <ATen/Functions.h>

namespace engine::host {

at::Tensor Matrix::expansionRoom(std::int64_t rows) const {
    static thread_local at::Tensor room;
    if (!room.defined() || room.scalar_type() != m_type || room.numel() < rows * m_in) room = at::empty({rows * m_in}, m_type);
    return room.narrow(0, 0, rows * m_in).view({rows, m_in});
}

at::Tensor Matrix::times(const at::Tensor& x, const at::Tensor& add) const {
    if (x.size(0) > 0 && x.size(0) <= fewRows()) {
        const at::Tensor y = add.defined() ? add : at::zeros({x.size(0), m_out}, x.options());
        addFewRows(x, y);
        return y;
    }
    if (const at::Tensor own = multiply(x, add); own.defined()) return own;
    at::Tensor y = add;
    forRowsOfW([&](const at::Tensor& rows, std::int64_t first) {
        if (rows.size(0) == m_out) { // all at once
            y = add.defined() ? at::addmm(add, x, rows.t()) : at::mm(x, rows.t());
            return;
        }
        if (!y.defined()) y = at::empty({x.size(0), m_out}, x.options());
        at::Tensor columns = y.narrow(1, first, rows.size(0));
        if (add.defined())
            at::addmm_out(columns, columns, x, rows.t());
        else
            at::mm_out(columns, x, rows.t());
    });
    return y;
}

at::Tensor Matrix::backTimes(const at::Tensor& dy, const at::Tensor& add) const {
    if (const at::Tensor own = multiplyBack(dy, add); own.defined()) return own;
    at::Tensor dx = add;
    forRowsOfW([&](const at::Tensor& rows, std::int64_t first) {
        const at::Tensor columns = dy.narrow(1, first, rows.size(0));
        if (rows.size(0) == m_out)
            dx = add.defined() ? at::addmm(add, columns, rows) : at::mm(columns, rows);
        else if (!dx.defined())
            dx = at::mm(columns, rows).to(at::kFloat);
        else
            dx = dx.to(at::kFloat).add_(at::mm(columns, rows)); // in float, so that many parts lose no more than one
    });
    return dx.to(m_type);
}

at::Tensor Matrix::rows(const std::vector<std::int32_t>&) const {
    throw Error(ErrorCode::Internal, "A matrix that is laid out for products was asked for its rows.");
}

float Matrix::dotRow(std::int64_t, const void*) const {
    throw Error(ErrorCode::Internal, "A matrix that is laid out for products was asked for a row.");
}

} // namespace engine::host
