// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/nf4_bf16.h"
#include "engine/weights/nf4.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace engine::kernels {

#if defined(__x86_64__)

#define WITH_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define WITHIN WITH_BF16 inline __attribute__((always_inline))

namespace {

using Bf16 = std::uint16_t;

constexpr std::int64_t kLanes = 16, kVectors = kPanelColumns / kLanes;
constexpr std::int64_t kDepth = 1024; // of a panel: 128 KiB of the second cache
constexpr std::int64_t kTall = 512;   // rows whose sums wait beside it
constexpr int kTileRows = 6;          // by 4 vectors: 24 sums, 4 columns and a broadcast in 32 registers

/// panel [depth / 2, kPanelColumns] pairs: two values that follow one another in depth. sums [kTall, kPanelColumns].
struct Room {
    alignas(64) Bf16 panel[kDepth * kPanelColumns];
    alignas(64) float sums[kTall * kPanelColumns];
};
Room& room() {
    static thread_local const auto mine = std::make_unique<Room>();
    return *mine;
}

template <int kRows>
WITHIN void tile(const Bf16* x, std::int64_t stride, std::int64_t pairs, const Bf16* panel, float* sums, bool more) {
    __m512 s[kRows][kVectors];
    for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < kVectors; ++v) s[r][v] = more ? _mm512_load_ps(sums + r * kPanelColumns + v * kLanes) : _mm512_setzero_ps();
    for (std::int64_t p = 0; p < pairs; ++p) {
        __m512bh w[kVectors];
        for (int v = 0; v < kVectors; ++v) w[v] = reinterpret_cast<__m512bh>(_mm512_load_si512(panel + (p * kPanelColumns + v * kLanes) * 2));
        for (int r = 0; r < kRows; ++r) {
            std::int32_t pair;
            std::memcpy(&pair, x + r * stride + 2 * p, sizeof pair);
            const auto both = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
            for (int v = 0; v < kVectors; ++v) s[r][v] = _mm512_dpbf16_ps(s[r][v], both, w[v]);
        }
    }
    for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < kVectors; ++v) _mm512_store_ps(sums + r * kPanelColumns + v * kLanes, s[r][v]);
}

WITH_BF16 void tiles(const Bf16* x, std::int64_t stride, std::int64_t count, std::int64_t pairs, const Bf16* panel, float* sums, bool more) {
    for (; count >= kTileRows; count -= kTileRows, x += kTileRows * stride, sums += kTileRows * kPanelColumns)
        tile<kTileRows>(x, stride, pairs, panel, sums, more);
    switch (count) {
    case 5: return tile<5>(x, stride, pairs, panel, sums, more);
    case 4: return tile<4>(x, stride, pairs, panel, sums, more);
    case 3: return tile<3>(x, stride, pairs, panel, sums, more);
    case 2: return tile<2>(x, stride, pairs, panel, sums, more);
    case 1: return tile<1>(x, stride, pairs, panel, sums, more);
    default: return;
    }
}

/// y [count, columns] = (y +) sums.
WITH_BF16 void finish(const float* sums, std::int64_t count, std::int64_t columns, Bf16* y, std::int64_t stride, bool add) {
    for (std::int64_t r = 0; r < count; ++r)
        for (std::int64_t c = 0; c < columns; c += kLanes) {
            const auto some = static_cast<__mmask16>(columns - c >= kLanes ? 0xFFFF : (1 << (columns - c)) - 1);
            Bf16* to = y + r * stride + c;
            __m512 sum = _mm512_load_ps(sums + r * kPanelColumns + c);
            if (add) sum = _mm512_add_ps(sum, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, to)), 16)));
            _mm256_mask_storeu_epi16(to, some, reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(sum)));
        }
}

/// first's values in the lower halves, second's in the upper ones.
WITHIN __m512i paired(__m512 first, __m512 second, __m512i order) {
    return _mm512_permutexvar_epi16(order, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first)));
}
WITHIN __m512i pairOrder() {
    alignas(64) static constexpr auto order = [] {
        std::array<std::uint16_t, 32> all{};
        for (std::uint16_t i = 0; i < 32; ++i) all[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * 16);
        return all;
    }();
    return _mm512_load_si512(order.data());
}

/// The 16 x 16 matrix turned about its diagonal.
WITHIN void transpose(__m512i (&m)[16]) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(m[i], m[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(m[i], m[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; ++j) {
            m[i + 2 * j] = _mm512_unpacklo_epi64(t[i + j], t[i + j + 2]);
            m[i + 2 * j + 1] = _mm512_unpackhi_epi64(t[i + j], t[i + j + 2]);
        }
    for (int i = 0; i < 4; ++i)
        for (int half = 0; half < 2; ++half) {
            t[8 * half + i] = _mm512_shuffle_i32x4(m[8 * half + i], m[8 * half + i + 4], 0x88);
            t[8 * half + i + 4] = _mm512_shuffle_i32x4(m[8 * half + i], m[8 * half + i + 4], 0xDD);
        }
    for (int i = 0; i < 4; ++i)
        for (int odd = 0; odd < 2; ++odd) {
            m[4 * odd + i] = _mm512_shuffle_i32x4(t[i + 4 * odd], t[8 + i + 4 * odd], 0x88);
            m[4 * odd + i + 8] = _mm512_shuffle_i32x4(t[i + 4 * odd], t[8 + i + 4 * odd], 0xDD);
        }
}

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
                    codes[r] = r < rows ? _mm512_maskz_loadu_epi32(some, w.codes + (row + r) * bytes + (begin + k) / 2) : _mm512_setzero_si512();
                transpose(codes);
                for (std::int64_t half = 0; half < 2 && k + half * 64 < depth; ++half) {
                    alignas(64) float factors[kLanes] = {};
                    for (std::int64_t r = 0; r < rows; ++r) factors[r] = w.absmax[(row + r) * scales + (begin + k + half * 64) / w.block];
                    const __m512 factor = _mm512_load_ps(factors);
                    Bf16* to = panel + ((k / 2 + half * 32) * kPanelColumns + lane) * 2;
#pragma GCC unroll 8
                    for (std::int64_t d = 0; d < 8; ++d)
#pragma GCC unroll 4
                        for (unsigned byte = 0; byte < 4; ++byte, to += 2 * kPanelColumns) {
                            // A look-up reads four bits of its index.
                            const __m512 even = _mm512_mul_ps(_mm512_permutexvar_ps(_mm512_srli_epi32(codes[half * 8 + d], 8 * byte + 4), values), factor);
                            const __m512 odd = _mm512_mul_ps(_mm512_permutexvar_ps(_mm512_srli_epi32(codes[half * 8 + d], 8 * byte), values), factor);
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
        const __m512 factor = _mm512_set1_ps(w.absmax[(row * w.width + column) / w.block]);
        const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w.codes + (row * w.width + column) / 2));
        const __m256i upper = _mm256_srli_epi16(codes, 4);
        const __m256i low = _mm256_unpacklo_epi8(upper, codes), high = _mm256_unpackhi_epi8(upper, codes);
        const __m128i index[kVectors] = {_mm256_castsi256_si128(low), _mm256_castsi256_si128(high), _mm256_extracti128_si256(low, 1), _mm256_extracti128_si256(high, 1)};
        for (int v = 0; v < kVectors; ++v) to[v] = _mm512_mul_ps(_mm512_permutexvar_ps(_mm512_cvtepu8_epi32(index[v]), values), factor);
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

/// y [count, columns] = (y +) x [count, depth] times the panels that `fill(first, depth, panel)` makes.
template <class Fill>
WITH_BF16 void product(const Rows& x, std::int64_t count, std::int64_t depth, const Fill& fill, std::int64_t columns, Bf16* y, std::int64_t stride, bool add) {
    Room& mine = room();
    for (std::int64_t row = 0; row < count; row += kTall) {
        const std::int64_t rows = std::min(kTall, count - row);
        for (std::int64_t k = 0; k < depth; k += kDepth) {
            const std::int64_t deep = std::min(kDepth, depth - k);
            if (row == 0 || depth > kDepth) fill(k, deep, mine.panel);
            tiles(static_cast<const Bf16*>(x.data) + row * x.stride + k, x.stride, rows, deep / 2, mine.panel, mine.sums, k > 0);
        }
        finish(mine.sums, rows, columns, y + row * stride, stride, add);
    }
}

} // namespace

void multiplyNf4Panels(Rows x, std::int64_t count, const Nf4Rows& w, std::int64_t begin, std::int64_t end, Rows y, bool add) {
    for (std::int64_t column = begin; column < end; column += kPanelColumns)
        product(x, count, w.width, Forward{w, column}, std::min(kPanelColumns, end - column), static_cast<Bf16*>(y.data) + column, y.stride, add);
}

void multiplyNf4PanelsBack(Rows dy, std::int64_t count, std::span<const Nf4Rows> parts, std::int64_t begin, std::int64_t end, Rows dx, bool add) {
    std::int64_t depth = 0;
    for (const Nf4Rows& part : parts) depth += part.rows;
    for (std::int64_t column = begin; column < end; column += kPanelColumns)
        product(dy, count, depth, Backward{parts, column}, kPanelColumns, static_cast<Bf16*>(dx.data) + column, dx.stride, add);
}

#else

void multiplyNf4Panels(Rows, std::int64_t, const Nf4Rows&, std::int64_t, std::int64_t, Rows, bool) {}
void multiplyNf4PanelsBack(Rows, std::int64_t, std::span<const Nf4Rows>, std::int64_t, std::int64_t, Rows, bool) {}

#endif

} // namespace engine::kernels
