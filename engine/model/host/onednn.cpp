// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/onednn.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <optional>

namespace engine::host {

namespace {

/// Layouts are chosen for this many rows; they serve any number.
constexpr std::int64_t kPackRows = 384;

using Reorder = at::Tensor(const at::Tensor&, std::optional<c10::SymInt>);
using Pointwise = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, c10::string_view,
                             c10::List<std::optional<at::Scalar>>, std::optional<c10::string_view>);
using PointwiseBinary = at::Tensor(const at::Tensor&, const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                   c10::string_view);

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
};

} // namespace

bool canPrepack() {
    const OneDnn& dnn = OneDnn::instance();
    return dnn.reorder && dnn.pointwise && dnn.binary;
}

at::Tensor prepacked(const at::Tensor& weight) {
    return OneDnn::instance().reorder->call(weight, c10::SymInt(kPackRows));
}

at::Tensor prepackedProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& add) {
    const OneDnn& dnn = OneDnn::instance();
    const at::Tensor rows = x.is_contiguous() ? x : x.contiguous();
    if (add.defined()) return dnn.binary->call(rows, add, weight, std::nullopt, "add");
    return dnn.pointwise->call(rows, weight, std::nullopt, "none", c10::List<std::optional<at::Scalar>>(), "");
}

} // namespace engine::host
