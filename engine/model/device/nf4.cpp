// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/device/nf4.h"
#include "engine/model/device/upload.h"

#include <torch/library.h>

namespace engine::device {

namespace {

/// Values of a matrix that are expanded at once.
constexpr std::int64_t kChunk = std::int64_t{1} << 23;

/// The bytes on the device, followed by zeros up to `size`.
at::Tensor filledUp(std::span<const std::uint8_t> bytes, std::int64_t size, at::Device device) {
    at::Tensor all = at::zeros({size}, at::TensorOptions(at::kByte).device(device));
    const auto count = static_cast<std::int64_t>(bytes.size());
    all.narrow(0, 0, count).copy_(at::from_blob(const_cast<std::uint8_t*>(bytes.data()), {count}, at::kByte));
    return all;
}

// Two operations, of ATen's for every device, that libtorch's dispatcher knows by name: engine/cuda gives it kernels of its own
// for a GPU.

/// W [out, in] in `type`.
at::Tensor expandedPlain(const at::Tensor& codes, const at::Tensor& absmax, const at::Tensor& pairs, std::int64_t block,
                         std::int64_t out, std::int64_t in, at::ScalarType type) {
    const std::int64_t blocks = codes.size(0) * 2 / block, step = std::max<std::int64_t>(1, kChunk / block);
    at::Tensor all = at::empty({blocks, block}, codes.options().dtype(type));
    for (std::int64_t begin = 0; begin < blocks; begin += step) {
        const std::int64_t count = std::min(step, blocks - begin);
        const at::Tensor some = codes.narrow(0, begin * block / 2, count * block / 2).to(at::kInt);
        const at::Tensor values = at::index_select(pairs, 0, some).view({count, block});
        all.narrow(0, begin, count).copy_(values.mul_(absmax.narrow(0, begin, count).unsqueeze(1)));
    }
    return all.view({-1}).narrow(0, 0, out * in).view({out, in});
}

/// x W^T of x [N, in].
at::Tensor productPlain(const at::Tensor& x, const at::Tensor& codes, const at::Tensor& absmax, const at::Tensor& pairs,
                        std::int64_t block, std::int64_t out) {
    return at::mm(x, expandedPlain(codes, absmax, pairs, block, out, x.size(1), x.scalar_type()).t());
}

TORCH_LIBRARY(phibench, library) {
    library.def(
        "nf4_expanded(Tensor codes, Tensor absmax, Tensor pairs, int block, int rows, int columns, ScalarType type) -> Tensor");
    library.def("nf4_product(Tensor x, Tensor codes, Tensor absmax, Tensor pairs, int block, int rows) -> Tensor");
}
TORCH_LIBRARY_IMPL(phibench, CompositeExplicitAutograd, library) {
    library.impl("nf4_expanded", expandedPlain);
    library.impl("nf4_product", productPlain);
}

template <class F> c10::TypedOperatorHandle<F> operation(const char* name, F*) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<F>();
}

} // namespace

Nf4::Nf4(const Nf4Matrix& matrix, at::ScalarType type, at::Device device)
    : m_out(matrix.out), m_in(matrix.in), m_block(static_cast<std::int64_t>(matrix.block)), m_type(type) {
    std::vector<float> pairs;
    for (int byte = 0; byte < 256; ++byte)
        for (const int code : {byte >> 4, byte & 15}) pairs.push_back(nf4Values()[static_cast<std::size_t>(code)]);
    m_pairs = uploaded(pairs, device).view({256, 2});
    const std::int64_t blocks = (m_out * m_in + m_block - 1) / m_block;
    m_codes = filledUp(matrix.codes, blocks * m_block / 2, device);
    if (matrix.scales.codes.empty()) {
        std::vector<float> absmax(static_cast<std::size_t>(blocks));
        matrix.scalesInto(0, absmax);
        m_absmax = uploaded(absmax, device);
        return;
    }
    const Nf4Scales& scales = matrix.scales;
    m_scaleMap = uploaded(std::span<const float>(dynamicMap()), device);
    m_scaleAbsmax = uploaded(scales.absmax, device);
    m_scaleCodes = filledUp(scales.codes, std::ssize(scales.absmax) * static_cast<std::int64_t>(kNf4ScaleBlock), device);
    m_scaleOffset = scales.offset;
}

std::int64_t Nf4::byteCount() const {
    std::int64_t bytes = 0;
    for (const at::Tensor* part : {&m_codes, &m_absmax, &m_scaleCodes, &m_scaleAbsmax})
        if (part->defined()) bytes += static_cast<std::int64_t>(part->nbytes());
    return bytes;
}

at::Tensor Nf4::scales() const {
    if (m_absmax.defined()) return m_absmax;
    const at::Tensor values = at::index_select(m_scaleMap, 0, m_scaleCodes.to(at::kInt)).view({m_scaleAbsmax.size(0), -1});
    return values.mul(m_scaleAbsmax.unsqueeze(1)).add_(m_scaleOffset).view({-1});
}

at::Tensor Nf4::matrix() const {
    static const auto call = operation("phibench::nf4_expanded", expandedPlain);
    return call.call(m_codes, scales(), m_pairs, m_block, m_out, m_in, m_type);
}

at::Tensor Nf4::product(const at::Tensor& x) const {
    static const auto call = operation("phibench::nf4_product", productPlain);
    return call.call(x, m_codes, scales(), m_pairs, m_block, m_out);
}

} // namespace engine::device
