// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/quantize.h"
#include "engine/error.h"
#include "engine/kernels/bfloat16.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace engine {

namespace {

constexpr std::size_t kBlock = 32;
constexpr std::uint16_t kInfinity = 0x7C00; // of halves, without the sign

using Byte = unsigned char;

bool isFinite(std::uint16_t half) {
    return (half & 0x7FFF) < kInfinity;
}

/// A scale as a half at `out`; false where it is too large.
bool putHalf(float value, Byte* out) {
    const std::uint16_t half = toHalf(value);
    std::memcpy(out, &half, sizeof half);
    return isFinite(half);
}

// Codes come from scales as they are before they are rounded to halves; one that rounds to nothing gives no codes.
float inverse(float scale) {
    return std::isfinite(1 / scale) ? 1 / scale : 0;
}

bool q8_0(const float* in, Byte* out) { // f16 d; i8 q[32]
    float most = 0;
    for (std::size_t j = 0; j < kBlock; ++j) most = std::max(most, std::fabs(in[j]));
    const float d = most / 127, id = inverse(d);
    for (std::size_t j = 0; j < kBlock; ++j) out[2 + j] = static_cast<Byte>(static_cast<signed char>(std::round(in[j] * id)));
    return putHalf(d, out);
}

Byte nibble(float code) {
    return static_cast<Byte>(std::min(15, static_cast<int>(code)));
}

bool q4_0(const float* in, Byte* out) { // f16 d; u8 q[16]: low nibbles first
    float most = 0, signedMost = 0;
    for (std::size_t j = 0; j < kBlock; ++j)
        if (std::fabs(in[j]) > most) {
            most = std::fabs(in[j]);
            signedMost = in[j];
        }
    const float d = signedMost / -8, id = inverse(d);
    for (std::size_t j = 0; j < kBlock / 2; ++j)
        out[2 + j] = static_cast<Byte>(nibble(in[j] * id + 8.5f) | nibble(in[j + kBlock / 2] * id + 8.5f) << 4);
    return putHalf(d, out);
}

bool q4_1(const float* in, Byte* out) { // f16 d, m; u8 q[16]
    const auto [least, most] = std::minmax_element(in, in + kBlock);
    const float m = *least, d = (*most - m) / 15, id = inverse(d);
    for (std::size_t j = 0; j < kBlock / 2; ++j)
        out[4 + j] = static_cast<Byte>(nibble((in[j] - m) * id + 0.5f) | nibble((in[j + kBlock / 2] - m) * id + 0.5f) << 4);
    const bool scale = putHalf(d, out), least16 = putHalf(m, out + 2);
    return scale && least16;
}

bool blocks(bool (*block)(const float*, Byte*), DType type, const float* in, std::size_t count, Byte* out) {
    const std::size_t step = byteSize(type, kBlock);
    bool fits = true;
    for (std::size_t i = 0; i < count; i += kBlock, out += step) fits = block(in + i, out) && fits;
    return fits;
}

template <class Convert>
bool each(const float* in, std::size_t count, Byte* out, std::uint16_t infinity, const Convert& convert) {
    bool fits = true;
    for (std::size_t i = 0; i < count; ++i, out += 2) {
        const std::uint16_t value = convert(in[i]);
        fits = fits && (value & 0x7FFF) < infinity;
        std::memcpy(out, &value, sizeof value);
    }
    return fits;
}

} // namespace

std::uint16_t toHalf(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
    std::uint32_t size = bits & 0x7FFFFFFF;
    if (size >= 0x47800000) // 65536 and what is no number
        return static_cast<std::uint16_t>(sign | (size > 0x7F800000 ? 0x7E00 : kInfinity));
    if (size < 0x38800000) { // below 2^-14: in units of 2^-24, which is what the last bit of 0.5 and more is worth
        const float shifted = std::bit_cast<float>(size) + 0.5f;
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000));
    }
    size += 0xFFF + (size >> 13 & 1);
    return static_cast<std::uint16_t>(sign | (size - 0x38000000) >> 13);
}

bool fromFloat(DType type, const float* in, std::size_t count, std::byte* out) {
    auto* to = reinterpret_cast<Byte*>(out);
    switch (type) {
    case DType::F32: std::memcpy(to, in, 4 * count); return true;
    case DType::F16: return each(in, count, to, kInfinity, toHalf);
    case DType::BF16: return each(in, count, to, 0x7F80, toBf16);
    case DType::Q8_0: return blocks(q8_0, type, in, count, to);
    case DType::Q4_0: return blocks(q4_0, type, in, count, to);
    case DType::Q4_1: return blocks(q4_1, type, in, count, to);
    default: throw Error(ErrorCode::Internal, "Weights are not written as " + toString(type) + ".");
    }
}

} // namespace engine
