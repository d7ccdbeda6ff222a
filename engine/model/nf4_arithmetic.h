// SPDX-License-Identifier: GPL-3.0-or-later
// What one thread of a GPU does with a matrix in NF4. The processor can do it too, for the tests.
#pragma once
#include <cstdint>

#if defined(__CUDACC__)
#define PHIBENCH_ANYWHERE __host__ __device__ __forceinline__
#else
#define PHIBENCH_ANYWHERE inline
#endif

namespace engine::nf4_arithmetic {

inline constexpr int kAtOnce = 8; // values that a thread takes at once: 4 bytes of codes, never of two blocks
inline constexpr int kWarp = 32;  // threads that share a row of a product

/// W [out, in] as Nf4Matrix holds it, row after row, the last block filled up.
struct View {
    const std::uint32_t* codes = nullptr;
    const float* absmax = nullptr;
    std::int64_t out = 0, in = 0;
    int blockBits = 6; // values of a block: 2 to this power
};

/// The codes of values [at, at + 8); at is a multiple of 8.
PHIBENCH_ANYWHERE std::uint32_t codesAt(const View& w, std::int64_t at) {
    return w.codes[at / kAtOnce];
}
/// Of these eight the i-th: two a byte, the first in the upper half.
PHIBENCH_ANYWHERE std::uint32_t codeOf(std::uint32_t codes, int i) {
    return codes >> (8 * (i / 2) + (i % 2 ? 0 : 4)) & 15u;
}

/// What is loaded and stored at once.
template <class T> struct alignas(16) Eight {
    T of[kAtOnce];
};

/// Values [at, at + 8) to `to`, as far as W reaches; at is a multiple of 8, `to` aligned to 16 bytes. `values`: what the 16 codes
/// stand for.
template <class T> PHIBENCH_ANYWHERE void expand(const View& w, std::int64_t at, const float* values, T* to) {
    const float absmax = w.absmax[at >> w.blockBits];
    const std::uint32_t codes = codesAt(w, at);
    Eight<T> eight;
    for (int i = 0; i < kAtOnce; ++i) eight.of[i] = static_cast<T>(values[codeOf(codes, i)] * absmax);
    const std::int64_t left = w.out * w.in - at;
    if (left >= kAtOnce) {
        *reinterpret_cast<Eight<T>*>(to + at) = eight;
        return;
    }
    for (int i = 0; i < left; ++i) to[at + i] = eight.of[i];
}

/// The part of row times x that thread `lane` of a warp adds; rows are whole blocks, and x is aligned to 16 bytes.
template <class T> PHIBENCH_ANYWHERE float partOfRow(const View& w, std::int64_t row, const T* x, int lane, const float* values) {
    float sum = 0;
    for (std::int64_t column = lane * kAtOnce; column < w.in; column += kWarp * kAtOnce) {
        const std::int64_t at = row * w.in + column;
        const std::uint32_t codes = codesAt(w, at);
        const Eight<T> eight = *reinterpret_cast<const Eight<T>*>(x + column);
        float part = 0;
        for (int i = 0; i < kAtOnce; ++i) part += values[codeOf(codes, i)] * static_cast<float>(eight.of[i]);
        sum += part * w.absmax[at >> w.blockBits];
    }
    return sum;
}

} // namespace engine::nf4_arithmetic
