// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/few_rows_bf16.h"
#include "engine/weights/nf4.h"

#include <bit>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace engine::kernels {

#if defined(__x86_64__)

#define WITH_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

namespace {

constexpr std::int64_t kStep = 32; // bytes of codes, a block's least

std::uint16_t rounded(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}
float widened(std::uint16_t value) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

/// The 16 values twice: an index of five bits finds them by its lower four.
const std::uint16_t* table() {
    alignas(64) static const auto values = [] {
        std::array<std::uint16_t, 32> all{};
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = rounded(nf4Values()[i % 16]);
        return all;
    }();
    return values.data();
}

template <int kCount, int kRows>
WITH_BF16 inline __attribute__((always_inline)) void someRows(const std::uint16_t* even, const std::uint16_t* odd, std::int64_t half, const std::uint8_t* codes,
                                                              const float* absmax, std::int64_t step, std::int64_t column, const Rows& y) {
    const __m512i values = _mm512_loadu_si512(table());
    const std::uint8_t* row[kRows];
    const float* by[kRows];
    __m512 sums[kRows][kCount];
    for (int o = 0; o < kRows; ++o) {
        row[o] = codes + o * half;
        by[o] = absmax + o * (half / step);
        for (int n = 0; n < kCount; ++n) sums[o][n] = _mm512_setzero_ps();
    }
    const std::uint8_t* next = codes + kRows * half; // what the processor would not fetch ahead: the streams are short
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
            const __m512 factor = _mm512_set1_ps(by[o][scale]);
#pragma GCC unroll 4
            for (int n = 0; n < kCount; ++n) {
                const auto e = reinterpret_cast<__m512bh>(_mm512_loadu_si512(even + n * half + i));
                const auto d = reinterpret_cast<__m512bh>(_mm512_loadu_si512(odd + n * half + i));
                sums[o][n] = _mm512_fmadd_ps(_mm512_dpbf16_ps(_mm512_dpbf16_ps(_mm512_setzero_ps(), first, e), second, d), factor, sums[o][n]);
            }
        }
    }
    for (int o = 0; o < kRows; ++o)
        for (int n = 0; n < kCount; ++n) {
            auto* out = static_cast<std::uint16_t*>(y.data) + n * y.stride + column + o;
            *out = rounded(widened(*out) + _mm512_reduce_add_ps(sums[o][n]));
        }
}

template <int kCount>
WITH_BF16 void allRows(const std::uint16_t* x, std::int64_t half, const std::uint8_t* codes, const float* absmax, std::int64_t step, std::int64_t rows, const Rows& y) {
    const std::uint16_t *even = x, *odd = x + kCount * half;
    const std::int64_t scales = half / step;
    std::int64_t o = 0;
    for (; o + 4 <= rows; o += 4) someRows<kCount, 4>(even, odd, half, codes + o * half, absmax + o * scales, step, o, y);
    for (; o < rows; ++o) someRows<kCount, 1>(even, odd, half, codes + o * half, absmax + o * scales, step, o, y);
}

} // namespace

bool multipliesNf4InBf16() {
    static const bool can = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return can;
}

void multiplyFewRowsNf4Bf16(const float* x, std::int64_t count, std::int64_t depth, const std::uint8_t* codes, const float* absmax,
                            std::int64_t block, std::int64_t rows, Rows y) {
    static thread_local std::vector<std::uint16_t> input;
    input.resize(static_cast<std::size_t>(count * depth));
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = rounded(x[i]);
    const auto f = count == 1 ? allRows<1> : count == 2 ? allRows<2> : count == 3 ? allRows<3> : allRows<4>;
    f(input.data(), depth / 2, codes, absmax, block / 2, rows, y);
}

#else

bool multipliesNf4InBf16() {
    return false;
}
void multiplyFewRowsNf4Bf16(const float*, std::int64_t, std::int64_t, const std::uint8_t*, const float*, std::int64_t, std::int64_t, Rows) {}

#endif

} // namespace engine::kernels
