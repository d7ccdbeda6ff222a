// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/nf4_matrix.h"
#include "engine/kernels/bfloat16.h"
#include "engine/kernels/nf4_bf16.h"
#include "engine/model/rows.h"

#include <ATen/Parallel.h>
#include <algorithm>
#include <bit>

namespace engine {

namespace {

/// The scales as floats; `room` holds them unless they are.
const float* scalesOf(const Nf4Matrix& matrix, std::vector<float>& room) {
    if (!matrix.absmax.empty()) return matrix.absmax.data();
    constexpr std::int64_t kAtOnce = 256;
    room.resize(matrix.shortAbsmax.size() + matrix.scales.codes.size());
    forRows((std::ssize(room) + kAtOnce - 1) / kAtOnce, kAtOnce, [&](std::int64_t begin, std::int64_t end) {
        const std::int64_t first = begin * kAtOnce, last = std::min(std::ssize(room), end * kAtOnce);
        matrix.scalesInto(static_cast<std::size_t>(first),
                          std::span(room).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
    });
    return room.data();
}

/// As the kernels that multiply pairs take it; `room` as in scalesOf.
kernels::Nf4Rows rowsOf(const Nf4Matrix& matrix, std::vector<float>& room) {
    const bool isShort = !matrix.shortAbsmax.empty();
    return {
        matrix.codes.data(), isShort ? nullptr : scalesOf(matrix, room),   static_cast<std::int64_t>(matrix.block), matrix.out,
        matrix.in,           isShort ? matrix.shortAbsmax.data() : nullptr};
}

} // namespace

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
    const Nf4Codes codes{matrix.codes.data(), scalesOf(matrix, scales), matrix.block};
    const bool single = to.scalar_type() == at::kFloat;
    const std::int64_t count = matrix.out * matrix.in;
    // By whole blocks, which are fastest.
    const std::int64_t step = static_cast<std::int64_t>(matrix.block), blocks = (count + step - 1) / step;
    forRows(blocks, step, [&](std::int64_t begin, std::int64_t end) {
        const auto first = static_cast<std::size_t>(begin * step), last = static_cast<std::size_t>(std::min(end * step, count));
        if (single)
            dequantizeNf4(codes, first, last, static_cast<float*>(to.data_ptr()) + first);
        else
            dequantizeNf4(codes, first, last, static_cast<std::uint16_t*>(to.data_ptr()) + first);
    });
}

namespace {

constexpr std::int64_t kPanel = kernels::kPanelColumns;
constexpr std::int64_t kRowsTogether = 4;    // that the kernels for few rows take of W
constexpr std::int64_t kScalesAtOnce = 2048; // 8 KiB, of the first cache

/// x [n, in] with its even elements before its odd ones: [2, n, in / 2].
at::Tensor evenBeforeOdd(const at::Tensor& x) {
    return x.reshape({x.size(0), x.size(1) / 2, 2}).permute({2, 0, 1}).contiguous();
}

bool inPairs(at::ScalarType type) {
    return type == at::kBFloat16 && kernels::multipliesNf4InBf16();
}

/// No block reaches from one row into the next, and blocks are as long as the kernels want them.
bool rowsAreBlocks(const std::vector<Nf4Matrix>& parts) {
    return std::all_of(parts.begin(), parts.end(), [](const Nf4Matrix& part) {
        return part.block % kNf4Block == 0 && part.in % static_cast<std::int64_t>(part.block) == 0;
    });
}

} // namespace

std::int64_t fewRowsFor(const std::vector<Nf4Matrix>& parts, at::ScalarType type) {
    return !rowsAreBlocks(parts) ? 0 : inPairs(type) ? 12 : 4;
}

void addFewRows(const std::vector<Nf4Matrix>& parts, const at::Tensor& x, const at::Tensor& y) {
    const bool pairs = inPairs(x.scalar_type());
    const at::Tensor apart = evenBeforeOdd(pairs ? x : x.to(at::kFloat));
    const std::int64_t count = x.size(0);
    std::int64_t column = 0;
    for (const Nf4Matrix& part : parts) {
        const kernels::Rows to = rowsOf(y.narrow(1, column, part.out));
        const auto product = [&](const kernels::Nf4Rows& w, std::int64_t begin, std::int64_t end, std::int64_t first) {
            const kernels::Rows columns{static_cast<char*>(to.data) + first * kernels::sizeOf(to.type), to.stride, to.type};
            if (pairs)
                kernels::multiplyFewRowsNf4Bf16(static_cast<const std::uint16_t*>(apart.const_data_ptr()), count, w, begin, end,
                                                columns);
            else
                kernels::multiplyFewRowsNf4(apart.const_data_ptr<float>(), count, w, begin, end, columns);
        };
        const auto block = static_cast<std::int64_t>(part.block), blocks = part.in / block; // of a row
        forRows(part.out, part.in, [&](std::int64_t begin, std::int64_t end) {
            std::vector<float> scales;
            if (!part.absmax.empty() || (pairs && !part.shortAbsmax.empty()))
                return product(rowsOf(part, scales), begin, end, begin);
            // Scales that must be expanded first: of some rows at a time, so that memory is read for the short ones only.
            const std::int64_t step = std::max<std::int64_t>(1, kScalesAtOnce / (kRowsTogether * blocks)) * kRowsTogether;
            scales.resize(static_cast<std::size_t>(std::min(step, end - begin) * blocks));
            for (std::int64_t row = begin; row < end; row += step) {
                const std::int64_t rows = std::min(step, end - row);
                part.scalesInto(static_cast<std::size_t>(row * blocks),
                                std::span(scales).first(static_cast<std::size_t>(rows * blocks)));
                product({part.codes.data() + row * part.in / 2, scales.data(), block, rows, part.in, nullptr}, 0, rows, row);
            }
        });
        column += part.out;
    }
}

bool panelsFit(const std::vector<Nf4Matrix>& parts, at::ScalarType type) {
    const auto even = [](const Nf4Matrix& part) { return part.out % 2 == 0; };
    return !parts.empty() && inPairs(type) && rowsAreBlocks(parts) && std::all_of(parts.begin(), parts.end(), even);
}

void multiplyPanels(const std::vector<Nf4Matrix>& parts, const at::Tensor& x, const at::Tensor& y, bool add) {
    const at::Tensor input = byRows(x);
    const kernels::Rows from = rowsOf(input);
    std::int64_t column = 0;
    for (const Nf4Matrix& part : parts) {
        std::vector<float> scales;
        const kernels::Nf4Rows w = rowsOf(part, scales);
        const kernels::Rows to = rowsOf(y.narrow(1, column, part.out));
        at::parallel_for(0, (part.out + kPanel - 1) / kPanel, 1, [&](std::int64_t begin, std::int64_t end) {
            kernels::multiplyNf4Panels(from, x.size(0), w, begin * kPanel, std::min(end * kPanel, part.out), to, add);
        });
        column += part.out;
    }
}

void multiplyPanelsBack(const std::vector<Nf4Matrix>& parts, const at::Tensor& dy, const at::Tensor& dx, bool add) {
    const at::Tensor gradient = byRows(dy);
    std::vector<std::vector<float>> scales(parts.size());
    std::vector<kernels::Nf4Rows> w;
    for (std::size_t i = 0; i < parts.size(); ++i) w.push_back(rowsOf(parts[i], scales[i]));
    const kernels::Rows from = rowsOf(gradient), to = rowsOf(dx);
    at::parallel_for(0, dx.size(1) / kPanel, 1, [&](std::int64_t begin, std::int64_t end) {
        kernels::multiplyNf4PanelsBack(from, dy.size(0), w, begin * kPanel, end * kPanel, to, add);
    });
}

} // namespace engine
