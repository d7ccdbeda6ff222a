// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/nf4.h"
#include "engine/kernels/nf4_bf16.h"
#include "engine/kernels/panels_bf16-inl.h"

#include <algorithm>

namespace engine::kernels {

#if defined(__x86_64__)

namespace {

/// A panel of W^T: columns are W's rows.
struct Forward {
    const Nf4Rows& w;
    std::int64_t first; // row of W

    WITH_BF16 void operator()(std::int64_t begin, std::int64_t depth, Bf16* panel) const {
        const __m512 values = _mm512_loadu_ps(nf4Values().data());
        const __m512i order = pairOrder();
        const std::int64_t bytes = w.width / 2, scales = w.width / w.block;
        for (std::int64_t lane = 0; lane < kPanelColumns; lane += kLanes) {
            const std::int64_t row = first + lane, rows = std::clamp<std::int64_t>(w.rows - row, 0, kLanes);
            for (std::int64_t k = 0; k < depth; k += 128) { // 64 bytes of codes of 16 rows
                const auto some = static_cast<__mmask16>(depth - k >= 128 ? 0xFFFF : 0xFF);
                __m512i codes[16];
                for (std::int64_t r = 0; r < kLanes; ++r)
                    codes[r] = r < rows ? _mm512_maskz_loadu_epi32(some, w.codes + (row + r) * bytes + (begin + k) / 2)
                                        : _mm512_setzero_si512();
                transpose(codes);
                for (std::int64_t half = 0; half < 2 && k + half * 64 < depth; ++half) {
                    alignas(64) float factors[kLanes] = {};
                    for (std::int64_t r = 0; r < rows; ++r)
                        factors[r] = w.scale((row + r) * scales + (begin + k + half * 64) / w.block);
                    const __m512 factor = _mm512_load_ps(factors);
                    Bf16* to = panel + ((k / 2 + half * 32) * kPanelColumns + lane) * 2;
#pragma GCC unroll 8
                    for (std::int64_t d = 0; d < 8; ++d)
#pragma GCC unroll 4
                        for (unsigned byte = 0; byte < 4; ++byte, to += 2 * kPanelColumns) {
                            // A look-up reads four bits of its index.
                            const __m512 even = _mm512_mul_ps(
                                _mm512_permutexvar_ps(_mm512_srli_epi32(codes[half * 8 + d], 8 * byte + 4), values), factor);
                            const __m512 odd = _mm512_mul_ps(
                                _mm512_permutexvar_ps(_mm512_srli_epi32(codes[half * 8 + d], 8 * byte), values), factor);
                            _mm512_store_si512(to, paired(even, odd, order));
                        }
                }
            }
        }
    }
};

/// A panel of W: columns are W's columns, the depth is its rows.
struct Backward {
    std::span<const Nf4Rows> parts;
    std::int64_t column;

    WITHIN static void expand(const Nf4Rows& w, std::int64_t row, std::int64_t column, __m512 values, __m512 (&to)[kVectors]) {
        const __m512 factor = _mm512_set1_ps(w.scale((row * w.width + column) / w.block));
        const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w.codes + (row * w.width + column) / 2));
        const __m256i upper = _mm256_srli_epi16(codes, 4);
        const __m256i low = _mm256_unpacklo_epi8(upper, codes), high = _mm256_unpackhi_epi8(upper, codes);
        const __m128i index[kVectors] = {_mm256_castsi256_si128(low), _mm256_castsi256_si128(high),
                                         _mm256_extracti128_si256(low, 1), _mm256_extracti128_si256(high, 1)};
        for (int v = 0; v < kVectors; ++v)
            to[v] = _mm512_mul_ps(_mm512_permutexvar_ps(_mm512_cvtepu8_epi32(index[v]), values), factor);
    }

    WITH_BF16 void operator()(std::int64_t begin, std::int64_t depth, Bf16* panel) const {
        const __m512 values = _mm512_loadu_ps(nf4Values().data());
        const __m512i order = pairOrder();
        std::int64_t before = 0; // rows of the parts so far
        for (const Nf4Rows& w : parts) {
            const std::int64_t last = std::min(begin + depth, before + w.rows) - before;
            for (std::int64_t row = std::max(begin - before, std::int64_t{0}); row < last; row += 2) {
                __m512 even[kVectors], odd[kVectors];
                expand(w, row, column, values, even);
                expand(w, row + 1, column, values, odd);
                Bf16* to = panel + (before + row - begin) * kPanelColumns;
                for (int v = 0; v < kVectors; ++v) _mm512_store_si512(to + 2 * v * kLanes, paired(even[v], odd[v], order));
            }
            before += w.rows;
        }
    }
};

} // namespace

void multiplyNf4Panels(Rows x, std::int64_t count, const Nf4Rows& w, std::int64_t begin, std::int64_t end, Rows y, bool add) {
    for (std::int64_t column = begin; column < end; column += kPanelColumns)
        product(x, count, w.width, Forward{w, column}, kDepth, Sums::GoOn, std::min(kPanelColumns, end - column),
                static_cast<Bf16*>(y.data) + column, y.stride, add);
}

void multiplyNf4PanelsBack(Rows dy, std::int64_t count, std::span<const Nf4Rows> parts, std::int64_t begin, std::int64_t end,
                           Rows dx, bool add) {
    std::int64_t depth = 0;
    for (const Nf4Rows& part : parts) depth += part.rows;
    for (std::int64_t column = begin; column < end; column += kPanelColumns)
        product(dy, count, depth, Backward{parts, column}, kDepth, Sums::GoOn, kPanelColumns,
                static_cast<Bf16*>(dx.data) + column, dx.stride, add);
}

#else

void multiplyNf4Panels(Rows, std::int64_t, const Nf4Rows&, std::int64_t, std::int64_t, Rows, bool) {}
void multiplyNf4PanelsBack(Rows, std::int64_t, std::span<const Nf4Rows>, std::int64_t, std::int64_t, Rows, bool) {}

#endif

} // namespace engine::kernels
