// SPDX-License-Identifier: GPL-3.0-or-later
// A product of bfloat16 rows with a matrix of which a panel after another is laid out in the cache, by pairs of bfloat16.
// Included by the files that know how to lay panels out.
#pragma once
#include "engine/kernels/nf4_bf16.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#if defined(__x86_64__)
#include <immintrin.h>

#define WITH_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define WITHIN WITH_BF16 inline __attribute__((always_inline))

namespace engine::kernels {

using Bf16 = std::uint16_t;

inline constexpr std::int64_t kLanes = 16, kVectors = kPanelColumns / kLanes;
inline constexpr std::int64_t kDepth = 1024; // of a panel at most: 128 KiB of the second cache
inline constexpr std::int64_t kTall = 512;   // rows whose sums wait beside it
inline constexpr int kTileRows = 6;          // by 4 vectors: 24 sums, 4 columns and a broadcast in 32 registers

/// panel [depth / 2, kPanelColumns] pairs: two values that follow one another in depth. sums [kTall, kPanelColumns].
struct Room {
    alignas(64) Bf16 panel[kDepth * kPanelColumns];
    alignas(64) float sums[kTall * kPanelColumns];
};
inline Room& room() {
    static thread_local const auto mine = std::make_unique<Room>();
    return *mine;
}

/// How a panel's sums come to those of the panels before it.
enum class Sums { First, GoOn, AddTo };

template <int kRows>
WITHIN void tile(const Bf16* x, std::int64_t stride, std::int64_t pairs, const Bf16* panel, float* sums, Sums how) {
    __m512 s[kRows][kVectors];
    for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < kVectors; ++v)
            s[r][v] = how == Sums::GoOn ? _mm512_load_ps(sums + r * kPanelColumns + v * kLanes) : _mm512_setzero_ps();
    for (std::int64_t p = 0; p < pairs; ++p) {
        __m512bh w[kVectors];
        for (int v = 0; v < kVectors; ++v)
            w[v] = reinterpret_cast<__m512bh>(_mm512_load_si512(panel + (p * kPanelColumns + v * kLanes) * 2));
        for (int r = 0; r < kRows; ++r) {
            std::int32_t pair;
            std::memcpy(&pair, x + r * stride + 2 * p, sizeof pair);
            const auto both = reinterpret_cast<__m512bh>(_mm512_set1_epi32(pair));
            for (int v = 0; v < kVectors; ++v) s[r][v] = _mm512_dpbf16_ps(s[r][v], both, w[v]);
        }
    }
    for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < kVectors; ++v) {
            float* to = sums + r * kPanelColumns + v * kLanes;
            _mm512_store_ps(to, how == Sums::AddTo ? _mm512_add_ps(s[r][v], _mm512_load_ps(to)) : s[r][v]);
        }
}

WITH_BF16 inline void tiles(const Bf16* x, std::int64_t stride, std::int64_t count, std::int64_t pairs, const Bf16* panel,
                            float* sums, Sums how) {
    for (; count >= kTileRows; count -= kTileRows, x += kTileRows * stride, sums += kTileRows * kPanelColumns)
        tile<kTileRows>(x, stride, pairs, panel, sums, how);
    switch (count) {
    case 5: return tile<5>(x, stride, pairs, panel, sums, how);
    case 4: return tile<4>(x, stride, pairs, panel, sums, how);
    case 3: return tile<3>(x, stride, pairs, panel, sums, how);
    case 2: return tile<2>(x, stride, pairs, panel, sums, how);
    case 1: return tile<1>(x, stride, pairs, panel, sums, how);
    default: return;
    }
}

/// y [count, columns] = (y +) sums.
WITH_BF16 inline void finish(const float* sums, std::int64_t count, std::int64_t columns, Bf16* y, std::int64_t stride,
                             bool add) {
    for (std::int64_t r = 0; r < count; ++r)
        for (std::int64_t c = 0; c < columns; c += kLanes) {
            const auto some = static_cast<__mmask16>(columns - c >= kLanes ? 0xFFFF : (1 << (columns - c)) - 1);
            Bf16* to = y + r * stride + c;
            __m512 sum = _mm512_load_ps(sums + r * kPanelColumns + c);
            if (add)
                sum = _mm512_add_ps(
                    sum, _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(some, to)), 16)));
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

/// y [count, columns] = (y +) x [count, depth] times the panels that `fill(first, depth, panel)` makes, each of `panelDepth` or
/// less. `later`: how the sums of all but the first go on.
template <class Fill>
WITH_BF16 void product(const Rows& x, std::int64_t count, std::int64_t depth, const Fill& fill, std::int64_t panelDepth,
                       Sums later, std::int64_t columns, Bf16* y, std::int64_t stride, bool add) {
    Room& mine = room();
    for (std::int64_t row = 0; row < count; row += kTall) {
        const std::int64_t rows = std::min(kTall, count - row);
        for (std::int64_t k = 0; k < depth; k += panelDepth) {
            const std::int64_t deep = std::min(panelDepth, depth - k);
            if (row == 0 || depth > panelDepth) fill(k, deep, mine.panel);
            tiles(static_cast<const Bf16*>(x.data) + row * x.stride + k, x.stride, rows, deep / 2, mine.panel, mine.sums,
                  k == 0 ? Sums::First : later);
        }
        finish(mine.sums, rows, columns, y + row * stride, stride, add);
    }
}

} // namespace engine::kernels
#endif
