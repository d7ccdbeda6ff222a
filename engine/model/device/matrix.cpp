// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device/matrix.h"

#include <ATen/Functions.h>
#include <torch/csrc/autograd/custom_function.h>

namespace engine::device {

/// x W^T without keeping the expanded W for the way back.
struct Matrix::ExpandedProduct : torch::autograd::Function<Matrix::ExpandedProduct> {
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const Matrix* matrix) {
        context->saved_data["matrix"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(matrix));
        return matrix->product(x);
    }
    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   torch::autograd::variable_list gradients) {
        const auto* matrix = reinterpret_cast<const Matrix*>(static_cast<std::intptr_t>(context->saved_data["matrix"].toInt()));
        return {at::mm(gradients[0], matrix->matrix()), at::Tensor()};
    }
};

at::Tensor Matrix::times(const at::Tensor& x) const {
    return ExpandedProduct::apply(x, this);
}

at::Tensor Dense::product(const at::Tensor& x) const {
    return at::mm(x, m_values.t());
}

} // namespace engine::device
