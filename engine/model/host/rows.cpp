// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/rows.h"

#include <ATen/Parallel.h>
#include <algorithm>

namespace engine::host {

kernels::Rows rowsOf(const at::Tensor& tensor, std::int64_t begin) {
    const auto type = tensor.scalar_type() == at::kFloat ? kernels::Scalar::F32 : kernels::Scalar::BF16;
    auto* data = static_cast<char*>(tensor.data_ptr()) + begin * tensor.stride(0) * kernels::sizeOf(type);
    return {data, tensor.stride(0), type};
}

at::Tensor byRows(const at::Tensor& x) {
    return x.stride(1) == 1 ? x : x.contiguous();
}

void forRows(std::int64_t rows, std::int64_t width, const std::function<void(std::int64_t, std::int64_t)>& f) {
    const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, width));
    at::parallel_for(0, rows, grain, f);
}

} // namespace engine::host
