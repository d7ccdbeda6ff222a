// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/host/blocks.h"
#include "engine/model/host/dense.h"
#include "engine/model/host/rows.h"

#include <ATen/Functions.h>
#include <algorithm>
#include <numeric>

namespace engine::host {

namespace {

constexpr std::int64_t kFewRows = 16; // beyond them a product with expanded rows is faster
constexpr std::int64_t kAtOnce = 4;   // rows of x that the kernel takes
/// Values that are expanded at once: they stay in the caches until they are multiplied.
constexpr std::int64_t kExpandedValues = 4'000'000;

std::int64_t rowsOfAll(const std::vector<BlockMatrix>& parts) {
    return std::accumulate(parts.begin(), parts.end(), std::int64_t{0},
                           [](std::int64_t rows, const BlockMatrix& part) { return rows + part.out; });
}

} // namespace

Blocks::Blocks(std::vector<BlockMatrix> parts, at::ScalarType type)
    : Matrix(rowsOfAll(parts), parts.front().in, type), m_parts(std::move(parts)) {}

std::int64_t Blocks::byteCount() const {
    std::int64_t bytes = 0;
    for (const BlockMatrix& part : m_parts) bytes += static_cast<std::int64_t>(part.bytes.size());
    return bytes;
}

std::shared_ptr<Matrix> Blocks::laidOutForBatches(bool backward) {
    at::Tensor whole = at::empty({out(), in()}, type());
    std::int64_t row = 0;
    for (const BlockMatrix& part : m_parts) {
        expandInto(part, 0, whole.narrow(0, row, part.out));
        row += part.out;
    }
    m_parts.clear();
    const auto dense = std::make_shared<Dense>(std::vector<at::Tensor>{whole});
    const std::shared_ptr<Matrix> laid = dense->laidOutForBatches(backward);
    return laid ? laid : dense;
}

std::int64_t Blocks::fewRows() const {
    return kFewRows;
}

void Blocks::addFewRows(const at::Tensor& x, const at::Tensor& y) const {
    const at::Tensor input = x.to(at::kFloat).contiguous();
    const std::int64_t count = x.size(0), blocks = in() / kernels::kBlock;
    const float* from = input.const_data_ptr<float>();
    std::vector<float> sums(static_cast<std::size_t>(count * blocks));
    kernels::sumBlocks(from, count, in(), sums.data());
    const kernels::Rows to = rowsOf(y);
    // All parts' rows are divided at once; the blocks are read once for every four rows.
    forRows(out(), in(), [&](std::int64_t begin, std::int64_t end) {
        std::int64_t before = 0;
        for (const BlockMatrix& part : m_parts) {
            const std::int64_t first = std::max(begin, before), last = std::min(end, before + part.out);
            for (std::int64_t n = 0; first < last && n < count; n += kAtOnce) {
                char* at = static_cast<char*>(to.data) + (n * to.stride + first) * kernels::sizeOf(to.type);
                kernels::multiplyFewRowsBlocks(from + n * in(), sums.data() + n * blocks, std::min(kAtOnce, count - n), in(),
                                               part.kind, part.row(first - before), last - first, {at, to.stride, to.type});
            }
            before += part.out;
        }
    });
}

void Blocks::forRowsOfW(const RowsOfW& f) const {
    const std::int64_t most = std::max<std::int64_t>(1, kExpandedValues / in());
    std::int64_t row = 0;
    for (const BlockMatrix& part : m_parts) {
        for (std::int64_t begin = 0; begin < part.out; begin += most) {
            const at::Tensor rows = expansionRoom(std::min(most, part.out - begin));
            expandInto(part, begin, rows);
            f(rows, row + begin);
        }
        row += part.out;
    }
}

at::Tensor Blocks::rows(const std::vector<std::int32_t>& numbers) const {
    const auto count = static_cast<std::int64_t>(numbers.size());
    at::Tensor found = at::empty({count, in()}, at::kFloat);
    for (std::int64_t i = 0; i < count; ++i)
        expandRow(m_parts[0], numbers[static_cast<std::size_t>(i)], kernels::Scalar::F32, found.data_ptr<float>() + i * in());
    return type() == at::kFloat ? found : found.to(type()).to(at::kFloat);
}

float Blocks::dotRow(std::int64_t row, const void* x) const {
    const auto scalar = type() == at::kFloat ? kernels::Scalar::F32 : kernels::Scalar::BF16;
    std::vector<char> room(static_cast<std::size_t>(in() * kernels::sizeOf(scalar)));
    expandRow(m_parts[0], row, scalar, room.data());
    return kernels::dot(x, room.data(), in(), scalar);
}

} // namespace engine::host
