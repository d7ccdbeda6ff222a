// SPDX-License-Identifier: GPL-3.0-or-later
// A small float matrix product for panels that fit the caches. Included once a target.
#if defined(PHIBENCH_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef PHIBENCH_GEMM_INL_H_
#undef PHIBENCH_GEMM_INL_H_
#else
#define PHIBENCH_GEMM_INL_H_
#endif
#include "engine/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

template <int kRows, int kVectors>
HWY_INLINE void gemmTile(std::int64_t depth, const float* HWY_RESTRICT a, std::int64_t aRow, std::int64_t aDepth,
                         const float* HWY_RESTRICT b, std::int64_t bStride, float* HWY_RESTRICT c, std::int64_t cStride,
                         bool add) {
    const hn::ScalableTag<float> d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    hn::Vec<decltype(d)> sums[kRows][kVectors];
    for (int i = 0; i < kRows; ++i)
        for (int j = 0; j < kVectors; ++j) sums[i][j] = add ? hn::LoadU(d, c + i * cStride + j * lanes) : hn::Zero(d);
    for (std::int64_t k = 0; k < depth; ++k) {
        hn::Vec<decltype(d)> line[kVectors];
        for (int j = 0; j < kVectors; ++j) line[j] = hn::LoadU(d, b + k * bStride + j * lanes);
        for (int i = 0; i < kRows; ++i) {
            const auto x = hn::Set(d, a[i * aRow + k * aDepth]);
            for (int j = 0; j < kVectors; ++j) sums[i][j] = hn::MulAdd(x, line[j], sums[i][j]);
        }
    }
    for (int i = 0; i < kRows; ++i)
        for (int j = 0; j < kVectors; ++j) hn::StoreU(sums[i][j], d, c + i * cStride + j * lanes);
}

template <int kVectors>
HWY_INLINE void gemmColumns(std::int64_t m, std::int64_t depth, const float* a, std::int64_t aRow, std::int64_t aDepth,
                            const float* b, std::int64_t bStride, float* c, std::int64_t cStride, bool add) {
    constexpr int kRows = HWY_MAX_BYTES >= 64 ? 8 : 6;
    std::int64_t i = 0;
    for (; i + kRows <= m; i += kRows)
        gemmTile<kRows, kVectors>(depth, a + i * aRow, aRow, aDepth, b, bStride, c + i * cStride, cStride, add);
    for (; i + 2 <= m; i += 2)
        gemmTile<2, kVectors>(depth, a + i * aRow, aRow, aDepth, b, bStride, c + i * cStride, cStride, add);
    for (; i < m; ++i) gemmTile<1, kVectors>(depth, a + i * aRow, aRow, aDepth, b, bStride, c + i * cStride, cStride, add);
}

/// c[m, n] = (c +) a[m, depth] b[depth, n]; a by two strides, b and c row-major. n is a multiple of the vector's lanes.
HWY_INLINE void gemm(std::int64_t m, std::int64_t n, std::int64_t depth, const float* a, std::int64_t aRow, std::int64_t aDepth,
                     const float* b, std::int64_t bStride, float* c, std::int64_t cStride, bool add) {
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(hn::ScalableTag<float>()));
    std::int64_t j = 0;
    for (; j + 2 * lanes <= n; j += 2 * lanes) gemmColumns<2>(m, depth, a, aRow, aDepth, b + j, bStride, c + j, cStride, add);
    for (; j < n; j += lanes) gemmColumns<1>(m, depth, a, aRow, aDepth, b + j, bStride, c + j, cStride, add);
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
