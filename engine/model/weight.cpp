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

std::int64_t Weight::byteCount() const {
    const std::int64_t copies = m_dense.defined() + m_packed.defined() + m_packedBack.defined();
    return copies * m_in * m_out * (m_type == at::kFloat ? 4 : 2);
}

void Weight::packForBatches(bool backward) {
    if (m_type != at::kBFloat16 || !m_dense.defined() || !OneDnn::instance().usable()) return;
    m_packed = packed(m_dense);
    if (backward) m_packedBack = packed(m_dense.t().contiguous());
    if (backward) m_dense = at::Tensor();
}

at::Tensor Weight::times(const at::Tensor& x, const at::Tensor& add) const {
    if (x.size(0) <= kFewRows && m_dense.defined()) {
        at::Tensor y = add.defined() ? add : at::zeros({x.size(0), m_out}, x.options());
        const at::Tensor input = x.to(at::kFloat).contiguous();
        const kernels::Rows to = rowsOf(y);
        forRows(m_out, m_in, [&](std::int64_t begin, std::int64_t end) {
            kernels::multiplyFewRows(input.const_data_ptr<float>(), x.size(0), m_in, rowsOf(m_dense, begin), end - begin,
                                     {static_cast<char*>(to.data) + begin * kernels::sizeOf(to.type), to.stride, to.type});
        });
        return y;
    }
    if (m_packed.defined()) return packedProduct(x, m_packed, add);
    return product(x, m_dense.t(), add);
}

at::Tensor Weight::backTimes(const at::Tensor& dy, const at::Tensor& add) const {
    if (m_packedBack.defined()) return packedProduct(dy, m_packedBack, add);
    return product(dy, m_dense, add);
}

} // namespace engine
