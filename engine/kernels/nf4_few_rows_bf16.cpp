// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/bfloat16.h"
#include "engine/kernels/nf4.h"
#include "engine/kernels/nf4_bf16.h"

#include <array>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace engine::kernels {

#if defined(__x86_64__)

#pragma GCC diagnostic ignored "-Wuninitialized" // of GCC 12's own header: GCC bug 105593

#define WITH_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

namespace {

constexpr std::int64_t kStep = 32; // bytes of codes, a block's least
/// Bytes of codes that are fetched ahead, since the processor would not: the streams are short. A row or two ahead is a quarter
/// slower.
constexpr std::int64_t kAhead = 16 << 10;

/// The 16 values twice: an index of five bits finds them by its lower four.
const std::uint16_t* table() {
    alignas(64) static const auto values = [] {
        std::array<std::uint16_t, 32> all{};
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = toBf16(nf4Values()[i % 16]);
        return all;
    }();
    return values.data();
}

WITH_BF16 inline __m512 everywhere(float scale) {
    return _mm512_set1_ps(scale);
}
WITH_BF16 inline __m512 everywhere(std::uint16_t scale) {
    return _mm512_castsi512_ps(_mm512_set1_epi32(static_cast<std::int32_t>(std::uint32_t{scale} << 16)));
}

/// Scale: float or bfloat16.
template <int kCount, int kRows, class Scale>
WITH_BF16 void someRows(const std::uint16_t* even, const std::uint16_t* odd, std::int64_t half, const std::uint8_t* codes,
                        const Scale* absmax, std::int64_t step, std::int64_t column, const Rows& y) {
    const __m512i values = _mm512_loadu_si512(table());
    const std::uint8_t* row[kRows];
    const Scale* by[kRows];
    __m512 sums[kRows][kCount];
    for (int o = 0; o < kRows; ++o) {
        row[o] = codes + o * half;
        by[o] = absmax + o * (half / step);
        for (int n = 0; n < kCount; ++n) sums[o][n] = _mm512_setzero_ps();
    }
    const std::uint8_t* next = codes + kAhead;
    for (std::int64_t i = 0, scale = 0, blockEnd = step; i < half; i += kStep) {
        if (i == blockEnd) ++scale, blockEnd += step;
#pragma GCC unroll 4
        for (int o = 0; o < kRows; o += 2) _mm_prefetch(reinterpret_cast<const char*>(next + kStep * o), _MM_HINT_T0);
        next += kRows * kStep;
#pragma GCC unroll 4
        for (int o = 0; o < kRows; ++o) {
            const __m512i both = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row[o] + i)));
            const auto first = reinterpret_cast<__m512bh>(_mm512_permutexvar_epi16(_mm512_srli_epi16(both, 4), values));
            const auto second = reinterpret_cast<__m512bh>(_mm512_permutexvar_epi16(both, values));
            const __m512 factor = everywhere(by[o][scale]);
#pragma GCC unroll 4
            for (int n = 0; n < kCount; ++n) {
                const auto e = reinterpret_cast<__m512bh>(_mm512_loadu_si512(even + n * half + i));
                const auto d = reinterpret_cast<__m512bh>(_mm512_loadu_si512(odd + n * half + i));
                sums[o][n] = _mm512_fmadd_ps(_mm512_dpbf16_ps(_mm512_dpbf16_ps(_mm512_setzero_ps(), first, e), second, d), factor,
                                             sums[o][n]);
            }
        }
    }
    for (int o = 0; o < kRows; ++o)
        for (int n = 0; n < kCount; ++n) {
            auto* out = static_cast<std::uint16_t*>(y.data) + n * y.stride + column + o;
            *out = toBf16(fromBf16(*out) + _mm512_reduce_add_ps(sums[o][n]));
        }
}

template <int kRows, class Scale>
WITH_BF16 void allOfX(const std::uint16_t* x, std::int64_t count, const Nf4Rows& w, const Scale* scales, std::int64_t row, Rows y,
                      std::int64_t column) {
    const std::int64_t half = w.width / 2, step = w.block / 2;
    const std::uint8_t* codes = w.codes + row * half;
    const Scale* absmax = scales + row * (w.width / w.block);
    const std::uint16_t *even = x, *odd = x + count * half;
    for (; count > 0;
         count -= 4, even += 4 * half, odd += 4 * half, y.data = static_cast<std::uint16_t*>(y.data) + 4 * y.stride) {
        const auto f = count == 1   ? someRows<1, kRows, Scale>
                       : count == 2 ? someRows<2, kRows, Scale>
                       : count == 3 ? someRows<3, kRows, Scale>
                                    : someRows<4, kRows, Scale>;
        f(even, odd, half, codes, absmax, step, column, y);
    }
}

template <class Scale>
WITH_BF16 void allRows(const std::uint16_t* x, std::int64_t count, const Nf4Rows& w, const Scale* scales, std::int64_t begin,
                       std::int64_t end, Rows y) {
    std::int64_t row = begin;
    for (; row + 4 <= end; row += 4) allOfX<4>(x, count, w, scales, row, y, row - begin);
    for (; row < end; ++row) allOfX<1>(x, count, w, scales, row, y, row - begin);
}

} // namespace

bool multipliesNf4InBf16() {
    static const bool can =
        __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return can;
}

void multiplyFewRowsNf4Bf16(const std::uint16_t* x, std::int64_t count, const Nf4Rows& w, std::int64_t begin, std::int64_t end,
                            Rows y) {
    if (w.shortAbsmax)
        allRows(x, count, w, w.shortAbsmax, begin, end, y);
    else
        allRows(x, count, w, w.absmax, begin, end, y);
}

#else

bool multipliesNf4InBf16() {
    return false;
}
void multiplyFewRowsNf4Bf16(const std::uint16_t*, std::int64_t, const Nf4Rows&, std::int64_t, std::int64_t, Rows) {}

#endif

} // namespace engine::kernels
