// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/nf4.h"
#include "engine/error.h"
#include "engine/kernels/bfloat16.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <numeric>

namespace engine {

namespace {

constexpr std::array<float, 16> kValues{-1.0f,
                                        -0.6961928009986877f,
                                        -0.5250730514526367f,
                                        -0.39491748809814453f,
                                        -0.28444138169288635f,
                                        -0.18477343022823334f,
                                        -0.09105003625154495f,
                                        0.0f,
                                        0.07958029955625534f,
                                        0.16093020141124725f,
                                        0.24611230194568634f,
                                        0.33791524171829224f,
                                        0.44070982933044434f,
                                        0.5626170039176941f,
                                        0.7229568362236023f,
                                        1.0f};

/// Places between two values of an ascending table, half way.
template <std::size_t N> std::array<float, N - 1> middles(const std::array<float, N>& table) {
    std::array<float, N - 1> bounds;
    for (std::size_t i = 0; i + 1 < N; ++i) bounds[i] = (table[i] + table[i + 1]) / 2;
    return bounds;
}

/// A value at a middle goes down.
template <std::size_t N> std::uint8_t codeOf(const std::array<float, N>& bounds, float value) {
    return static_cast<std::uint8_t>(std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin());
}

float largestMagnitude(const float* values, std::size_t count) {
    float largest = 0;
    for (std::size_t i = 0; i < count; ++i) {
        if (!std::isfinite(values[i]))
            throw Error(ErrorCode::BadInput, "The weights hold a value that is not finite, so they cannot be stored in 4 bits.");
        largest = std::max(largest, std::abs(values[i]));
    }
    return largest;
}

template <class Store> void decode(const Nf4Codes& tensor, std::size_t begin, std::size_t end, const Store& store) {
    assert(std::has_single_bit(tensor.block));
    const auto shift = std::countr_zero(tensor.block);
    for (std::size_t i = begin; i < end; ++i) {
        const std::uint8_t pair = tensor.codes[i / 2];
        store(i - begin, kValues[i % 2 == 0 ? pair >> 4 : pair & 15] * tensor.absmax[i >> shift]);
    }
}

std::array<float, 256> makeDynamicMap() {
    std::array<float, 256> map;
    std::size_t at = 0;
    float decade = 1e-6f;
    for (const float next : {1e-5f, 1e-4f, 1e-3f, 1e-2f, 0.1f, 1.0f, 0.0f}) {
        // Between a tenth and one of the decade lie 1, 2, 4, … 64 values, each half way between neighbours of an even division.
        const std::size_t parts = std::size_t{1} << (at / 2 == 0 ? 0 : std::bit_width(at / 2));
        const float step = (1.0f - 0.1f) / static_cast<float>(parts);
        const auto division = [&](std::size_t k) {
            return k < (parts + 1) / 2 ? std::fma(step, static_cast<float>(k), 0.1f)
                                       : std::fma(-step, static_cast<float>(parts - k), 1.0f);
        };
        for (std::size_t k = 0; k < parts; ++k) {
            const float value = decade * ((division(k) + division(k + 1)) / 2);
            map[at++] = value;
            map[at++] = -value;
        }
        decade = next;
    }
    map[at++] = 0;
    map[at++] = 1;
    std::sort(map.begin(), map.end());
    return map;
}

} // namespace

const std::array<float, 16>& nf4Values() {
    return kValues;
}

const std::array<float, 256>& dynamicMap() {
    static const std::array<float, 256> map = makeDynamicMap();
    return map;
}

namespace nf4_plain {

void quantize(const float* values, std::size_t count, std::uint8_t* codes, float* absmax) {
    static const auto bounds = middles(kValues);
    constexpr float kSmallest = 1e-38f;
    std::fill_n(codes, nf4Bytes(count), std::uint8_t{0});
    for (std::size_t first = 0; first < count; first += kNf4Block) {
        const std::size_t size = std::min(kNf4Block, count - first);
        float largest = largestMagnitude(values + first, size);
        const float divisor = std::max(largest, kSmallest), inverse = 1.0f / divisor;
        const bool whole = size == kNf4Block;
        if (!whole) largest = divisor; // the reference treats a block that is not full in its own way
        absmax[first / kNf4Block] = largest;
        for (std::size_t i = first; i < first + size; ++i) {
            const std::uint8_t code = codeOf(bounds, whole ? values[i] * inverse : values[i] / divisor);
            codes[i / 2] = static_cast<std::uint8_t>(codes[i / 2] | (i % 2 == 0 ? code << 4 : code));
        }
    }
    if (count % 2 != 0) codes[count / 2] |= 7; // the half that is left over stands for zero
}

void dequantize(const Nf4Codes& tensor, std::size_t begin, std::size_t end, float* out) {
    decode(tensor, begin, end, [out](std::size_t i, float value) { out[i] = value; });
}

void dequantize(const Nf4Codes& tensor, std::size_t begin, std::size_t end, std::uint16_t* out) {
    decode(tensor, begin, end, [out](std::size_t i, float value) { out[i] = toBf16(value); });
}

} // namespace nf4_plain

Nf4Scales quantizeScales(std::span<const float> absmax) {
    const double sum = std::accumulate(absmax.begin(), absmax.end(), 0.0);
    return quantizeScales(absmax, absmax.empty() ? 0.0f : static_cast<float>(sum / static_cast<double>(absmax.size())));
}

Nf4Scales quantizeScales(std::span<const float> absmax, float offset) {
    static const auto bounds = middles(dynamicMap());
    constexpr float kSteps = 65535; // the reference looks codes up on a grid of 65536 points
    Nf4Scales scales{std::vector<std::uint8_t>(absmax.size()), {}, offset};
    std::vector<float> rest;
    for (std::size_t first = 0; first < absmax.size(); first += kNf4ScaleBlock) {
        const std::size_t size = std::min(kNf4ScaleBlock, absmax.size() - first);
        rest.resize(size);
        for (std::size_t i = 0; i < size; ++i) rest[i] = absmax[first + i] - offset;
        const float largest = largestMagnitude(rest.data(), size);
        scales.absmax.push_back(largest);
        if (largest == 0) continue; // codes 0 times a scale of 0
        const float inverse = 1.0f / largest;
        for (std::size_t i = 0; i < size; ++i) {
            const float value = std::clamp(rest[i] * inverse, -1.0f, 1.0f);
            const float point = std::floor((value + 1.0f) * 0.5f * kSteps + 0.5f);
            scales.codes[first + i] = codeOf(bounds, -1.0f + 2.0f * point / kSteps);
        }
    }
    return scales;
}

void dequantizeScales(std::span<const std::uint8_t> codes, std::span<const float> absmax, std::size_t block,
                      std::span<const float, 256> map, float offset, std::size_t begin, std::span<float> out) {
    const std::size_t end = begin + out.size();
    assert(codes.size() >= end && absmax.size() >= nf4Blocks(end, block));
    for (std::size_t i = begin; i < end;) {
        const float scale = absmax[i / block];
        for (const std::size_t last = std::min(end, (i / block + 1) * block); i < last; ++i)
            out[i - begin] = map[codes[i]] * scale + offset;
    }
}

std::vector<float> dequantizeScales(std::span<const std::uint8_t> codes, std::span<const float> absmax, std::size_t block,
                                    std::span<const float, 256> map, float offset) {
    std::vector<float> scales(codes.size());
    dequantizeScales(codes, absmax, block, map, offset, 0, scales);
    return scales;
}

} // namespace engine
