// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/weight.h"
#include "engine/kernels/kernels.h"
#include "engine/model/rows.h"

#include <ATen/Functions.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <optional>

namespace engine {

namespace {

/// Rows up to which streaming the weights through our kernel beats a matrix product.
constexpr std::int64_t kFewRows = 4;

/// Layouts are chosen for this many rows; they serve any number.
constexpr std::int64_t kPackRows = 384;

// Reached through the dispatcher because libtorch exports no header for them; absent where it was built without oneDNN.
using Reorder = at::Tensor(const at::Tensor&, std::optional<c10::SymInt>);
using Pointwise = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, c10::string_view,
                             c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>);
using PointwiseBinary = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, c10::string_view);

struct OneDnn {
    std::optional<c10::TypedOperatorHandle<Reorder>> reorder;
    std::optional<c10::TypedOperatorHandle<Pointwise>> pointwise;
    std::optional<c10::TypedOperatorHandle<PointwiseBinary>> binary;

    OneDnn() {
        auto& dispatcher = c10::Dispatcher::singleton();
        const auto find = [&](const char* name, const char* overload) { return dispatcher.findSchema({name, overload}); };
        const auto r = find("mkldnn::_reorder_linear_weight", ""), p = find("mkldnn::_linear_pointwise", ""),
                   b = find("mkldnn::_linear_pointwise", "binary");
        if (!r || !p || !b) return;
        try {
            reorder = r->typed<Reorder>();
            pointwise = p->typed<Pointwise>();
            binary = b->typed<PointwiseBinary>();
        } catch (const c10::Error&) { // another release's signature
            reorder.reset();
        }
    }
    static const OneDnn& instance() {
        static const OneDnn one;
        return one;
    }
    bool usable() const { return reorder && pointwise && binary; }
};

at::Tensor packed(const at::Tensor& weight) {
    return OneDnn::instance().reorder->call(weight, c10::SymInt(kPackRows));
}
at::Tensor packedProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add) {
    const OneDnn& dnn = OneDnn::instance();
    const at::Tensor rows = x.is_contiguous() ? x : x.contiguous();
    if (add.defined()) return dnn.binary->call(rows, add, weight, std::nullopt, "add");
    return dnn.pointwise->call(rows, weight, std::nullopt, "none", c10::List<std::optional<at::Scalar>>(), "");
}
at::Tensor product(const at::Tensor& x, const at::Tensor& matrix, const at::Tensor& add) {
    return add.defined() ? at::addmm(add, x, matrix) : at::mm(x, matrix);
}

} // namespace

Weight::Weight(at::Tensor dense) : m_in(dense.size(1)), m_out(dense.size(0)), m_type(dense.scalar_type()), m_dense(std::move(dense)) {}

Weight::Weight(std::vector<Nf4Matrix> parts, at::ScalarType type) : m_in(parts.front().in), m_type(type), m_nf4(std::move(parts)) {
    for (const Nf4Matrix& part : m_nf4) m_out += part.out;
}

std::int64_t Weight::byteCount() const {
    if (!m_nf4.empty()) {
        std::size_t bytes = 0;
        for (const Nf4Matrix& part : m_nf4)
            bytes += part.codes.size() + part.absmax.size_bytes() + part.scales.codes.size() + part.scales.absmax.size() * sizeof(float);
        return static_cast<std::int64_t>(bytes);
    }
    const std::int64_t copies = m_dense.defined() + m_packed.defined() + m_packedBack.defined();
    return copies * m_in * m_out * (m_type == at::kFloat ? 4 : 2);
}

void Weight::packForBatches(bool backward) {
    if (m_type != at::kBFloat16 || !m_dense.defined() || !OneDnn::instance().usable()) return;
    m_packed = packed(m_dense);
    if (backward) m_packedBack = packed(m_dense.t().contiguous());
    if (backward) m_dense = at::Tensor();
}

namespace {

/// The part's scales as floats; `room` holds them when they were quantised themselves.
const float* scalesOf(const Nf4Matrix& part, std::vector<float>& room) {
    if (!part.absmax.empty()) return part.absmax.data();
    room = dequantizeScales(part.scales.codes, part.scales.absmax, kNf4ScaleBlock, dynamicMap(), part.scales.offset);
    return room.data();
}

} // namespace

at::Tensor Weight::expanded() const {
    static thread_local at::Tensor room; // one for all matrices: 4-bit weights are expanded one at a time
    if (!room.defined() || room.scalar_type() != m_type || room.numel() < m_out * m_in) room = at::empty({m_out * m_in}, m_type);
    std::int64_t row = 0;
    for (const Nf4Matrix& part : m_nf4) {
        std::vector<float> scales;
        const Nf4Codes codes{part.codes.data(), scalesOf(part, scales), part.block};
        const std::int64_t offset = row * m_in;
        // By whole blocks, which are fastest.
        const std::int64_t step = static_cast<std::int64_t>(part.block), blocks = (part.out * m_in + step - 1) / step;
        forRows(blocks, step, [&](std::int64_t begin, std::int64_t end) {
            const auto first = static_cast<std::size_t>(begin * step), last = static_cast<std::size_t>(std::min(end * step, part.out * m_in));
            if (m_type == at::kFloat) dequantizeNf4(codes, first, last, static_cast<float*>(room.data_ptr()) + offset + static_cast<std::int64_t>(first));
            else dequantizeNf4(codes, first, last, static_cast<std::uint16_t*>(room.data_ptr()) + offset + static_cast<std::int64_t>(first));
        });
        row += part.out;
    }
    return room.narrow(0, 0, m_out * m_in).view({m_out, m_in});
}

void Weight::addFewRowsNf4(const at::Tensor& input, at::Tensor& y) const {
    const at::Tensor apart = input.view({y.size(0), m_in / 2, 2}).permute({2, 0, 1}).contiguous();
    const kernels::Rows to = rowsOf(y);
    std::int64_t row = 0;
    for (const Nf4Matrix& part : m_nf4) {
        std::vector<float> scales;
        const float* absmax = scalesOf(part, scales);
        forRows(part.out, m_in, [&](std::int64_t begin, std::int64_t end) {
            kernels::multiplyFewRowsNf4(apart.const_data_ptr<float>(), y.size(0), m_in, part.codes.data() + begin * m_in / 2,
                                        absmax + begin * m_in / static_cast<std::int64_t>(part.block), static_cast<std::int64_t>(part.block), end - begin,
                                        {static_cast<char*>(to.data) + (row + begin) * kernels::sizeOf(to.type), to.stride, to.type});
        });
        row += part.out;
    }
}

at::Tensor Weight::times(const at::Tensor& x, const at::Tensor& add) const {
    const bool rowsAreBlocks = !m_nf4.empty() && m_in % static_cast<std::int64_t>(m_nf4.front().block) == 0;
    if (x.size(0) <= kFewRows && (m_dense.defined() || rowsAreBlocks)) {
        at::Tensor y = add.defined() ? add : at::zeros({x.size(0), m_out}, x.options());
        const at::Tensor input = x.to(at::kFloat).contiguous();
        if (rowsAreBlocks) {
            addFewRowsNf4(input, y);
            return y;
        }
        const kernels::Rows to = rowsOf(y);
        forRows(m_out, m_in, [&](std::int64_t begin, std::int64_t end) {
            kernels::multiplyFewRows(input.const_data_ptr<float>(), x.size(0), m_in, rowsOf(m_dense, begin), end - begin,
                                     {static_cast<char*>(to.data) + begin * kernels::sizeOf(to.type), to.stride, to.type});
        });
        return y;
    }
    if (m_packed.defined()) return packedProduct(x, m_packed, add);
    return product(x, (m_nf4.empty() ? m_dense : expanded()).t(), add);
}

at::Tensor Weight::backTimes(const at::Tensor& dy, const at::Tensor& add) const {
    if (m_packedBack.defined()) return packedProduct(dy, m_packedBack, add);
    return product(dy, m_nf4.empty() ? m_dense : expanded(), add);
}

} // namespace engine
