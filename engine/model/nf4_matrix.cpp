// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/nf4_matrix.h"
#include "engine/kernels/bfloat16.h"
#include "engine/model/host/rows.h"

#include <ATen/Parallel.h>
#include <algorithm>
#include <bit>

namespace engine {

std::int64_t Nf4Matrix::byteCount() const {
    return static_cast<std::int64_t>(codes.size() + absmax.size_bytes() + shortAbsmax.size_bytes() + scales.codes.size() +
                                     scales.absmax.size() * sizeof(float));
}

void Nf4Matrix::scalesInto(std::size_t begin, std::span<float> to) const {
    if (!absmax.empty())
        std::copy_n(absmax.begin() + static_cast<std::ptrdiff_t>(begin), to.size(), to.begin());
    else if (!shortAbsmax.empty())
        std::transform(shortAbsmax.begin() + static_cast<std::ptrdiff_t>(begin),
                       shortAbsmax.begin() + static_cast<std::ptrdiff_t>(begin + to.size()), to.begin(), fromBf16);
    else
        dequantizeScales(scales.codes, scales.absmax, kNf4ScaleBlock, dynamicMap(), scales.offset, begin, to);
}

const float* Nf4Matrix::scalesIn(std::vector<float>& room) const {
    if (!absmax.empty()) return absmax.data();
    constexpr std::int64_t kAtOnce = 256;
    room.resize(shortAbsmax.size() + scales.codes.size());
    host::forRows((std::ssize(room) + kAtOnce - 1) / kAtOnce, kAtOnce, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t first = begin * kAtOnce, last = std::min(std::ssize(room), end * kAtOnce);
        scalesInto(static_cast<std::size_t>(first),
                   std::span(room).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
    });
    return room.data();
}

void Nf4Matrix::keep(std::vector<float> plain, std::shared_ptr<const void> owned) {
    struct Kept {
        std::vector<float> absmax;
        std::vector<std::uint16_t> shortAbsmax;
        std::shared_ptr<const void> codes;
    };
    const auto kept = std::make_shared<Kept>();
    kept->codes = std::move(owned);
    if (std::all_of(plain.begin(), plain.end(),
                    [](float scale) { return (std::bit_cast<std::uint32_t>(scale) & 0xFFFF) == 0; })) {
        kept->shortAbsmax.resize(plain.size());
        std::transform(plain.begin(), plain.end(), kept->shortAbsmax.begin(), toBf16);
    } else {
        kept->absmax = std::move(plain);
    }
    absmax = kept->absmax;
    shortAbsmax = kept->shortAbsmax;
    owner = kept;
}

Nf4Matrix quantizedNf4(const at::Tensor& values, bool doubleQuant) {
    const auto count = static_cast<std::size_t>(values.numel()), blocks = nf4Blocks(count);
    const auto codes = std::make_shared<std::vector<std::uint8_t>>(nf4Bytes(count));
    std::vector<float> absmax(blocks);
    const float* from = values.const_data_ptr<float>();
    at::parallel_for(0, static_cast<std::int64_t>(blocks), 512, [&](std::int64_t begin, std::int64_t end) {
        const auto first = static_cast<std::size_t>(begin) * kNf4Block,
                   last = std::min(count, static_cast<std::size_t>(end) * kNf4Block);
        quantizeNf4(from + first, last - first, codes->data() + first / 2, absmax.data() + begin);
    });
    Nf4Matrix matrix;
    matrix.out = values.size(0);
    matrix.in = values.size(1);
    matrix.codes = *codes;
    matrix.owner = codes;
    if (doubleQuant)
        matrix.scales = quantizeScales(absmax);
    else
        matrix.keep(std::move(absmax), codes);
    return matrix;
}

void dequantizeInto(const Nf4Matrix& matrix, const at::Tensor& to) {
    std::vector<float> scales;
    const Nf4Codes codes{matrix.codes.data(), matrix.scalesIn(scales), matrix.block};
    const bool single = to.scalar_type() == at::kFloat;
    const std::int64_t count = matrix.out * matrix.in;
    // By whole blocks, which are fastest.
    const std::int64_t step = static_cast<std::int64_t>(matrix.block), blocks = (count + step - 1) / step;
    host::forRows(blocks, step, [&](std::int64_t begin, std::int64_t end) {
        const auto first = static_cast<std::size_t>(begin * step), last = static_cast<std::size_t>(std::min(end * step, count));
        if (single)
            dequantizeNf4(codes, first, last, static_cast<float*>(to.data_ptr()) + first);
        else
            dequantizeNf4(codes, first, last, static_cast<std::uint16_t*>(to.data_ptr()) + first);
    });
}

} // namespace engine
