// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/blocks.h"
#include "engine/kernels/bfloat16.h"

#include <bit>
#include <cstring>

namespace engine {

namespace {

using Byte = unsigned char;

template <class T> T load(const Byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

// Exact for every half.
float fromHalf(std::uint16_t half) {
    const std::uint32_t sign = (std::uint32_t{half} & 0x8000u) << 16;
    const std::uint32_t rest = std::uint32_t{half} & 0x7FFFu;
    const float normal = std::bit_cast<float>((rest << 13) + (std::uint32_t{0xE0} << 23)) * 0x1.0p-112f;
    const float tiny = std::bit_cast<float>(rest | (std::uint32_t{126} << 23)) - 0.5f; // exponent 0: rest * 2^-24
    const std::uint32_t size = rest < 0x400u ? std::bit_cast<std::uint32_t>(tiny) : std::bit_cast<std::uint32_t>(normal);
    return std::bit_cast<float>(sign | size);
}
float halfAt(const Byte* at) {
    return fromHalf(load<std::uint16_t>(at));
}

// In pieces of a fixed size, which the compiler turns into vector code.
template <std::size_t Bytes, class Convert> void each(const Byte* in, std::size_t count, float* out, const Convert& convert) {
    constexpr std::size_t kPiece = 32;
    std::size_t i = 0;
    for (; i + kPiece <= count; i += kPiece, in += kPiece * Bytes)
        for (std::size_t j = 0; j < kPiece; ++j) out[i + j] = convert(in + j * Bytes);
    for (; i < count; ++i, in += Bytes) out[i] = convert(in);
}

void plain(DType type, const Byte* in, std::size_t count, float* out) {
    switch (type) {
    case DType::F64: return each<8>(in, count, out, [](const Byte* at) { return static_cast<float>(load<double>(at)); });
    case DType::F32: std::memcpy(out, in, 4 * count); return;
    case DType::F16: {
        const std::size_t done = halvesToFloat(reinterpret_cast<const std::byte*>(in), count, out);
        return each<2>(in + 2 * done, count - done, out + done, halfAt);
    }
    default: return each<2>(in, count, out, [](const Byte* at) { return fromBf16(load<std::uint16_t>(at)); });
    }
}

void q8_0(const Byte* in, float* out) { // f16 d; i8 q[32]
    const float d = halfAt(in);
    for (std::size_t j = 0; j < 32; ++j) out[j] = static_cast<float>(static_cast<signed char>(in[2 + j])) * d;
}

void q4_0(const Byte* in, float* out) { // f16 d; u8 q[16]: low nibbles first
    const float d = halfAt(in);
    for (std::size_t j = 0; j < 16; ++j) {
        out[j] = static_cast<float>((in[2 + j] & 15) - 8) * d;
        out[j + 16] = static_cast<float>((in[2 + j] >> 4) - 8) * d;
    }
}

void q4_1(const Byte* in, float* out) { // f16 d, m; u8 q[16]
    const float d = halfAt(in), m = halfAt(in + 2);
    for (std::size_t j = 0; j < 16; ++j) {
        out[j] = static_cast<float>(in[4 + j] & 15) * d + m;
        out[j + 16] = static_cast<float>(in[4 + j] >> 4) * d + m;
    }
}

// Eight 6-bit scales and eight 6-bit minima in 12 bytes.
struct ScaleAndMinimum {
    float scale, minimum;
};
ScaleAndMinimum packedScale(const Byte* scales, std::size_t j, float d, float dMinimum) {
    const int scale = j < 4 ? scales[j] & 63 : (scales[j + 4] & 15) | (scales[j - 4] >> 6) << 4;
    const int minimum = j < 4 ? scales[j + 4] & 63 : (scales[j + 4] >> 4) | (scales[j] >> 6) << 4;
    return {d * static_cast<float>(scale), dMinimum * static_cast<float>(minimum)};
}

void q4_K(const Byte* in, float* out) { // f16 d, dmin; scales[12]; q[128]
    const float d = halfAt(in), dMinimum = halfAt(in + 2);
    const Byte* q = in + 16;
    for (std::size_t part = 0; part < 4; ++part, q += 32, out += 64) {
        const auto low = packedScale(in + 4, 2 * part, d, dMinimum), high = packedScale(in + 4, 2 * part + 1, d, dMinimum);
        for (std::size_t l = 0; l < 32; ++l) {
            out[l] = low.scale * static_cast<float>(q[l] & 15) - low.minimum;
            out[l + 32] = high.scale * static_cast<float>(q[l] >> 4) - high.minimum;
        }
    }
}

void q5_K(const Byte* in, float* out) { // f16 d, dmin; scales[12]; fifth bits[32]; q[128]
    const float d = halfAt(in), dMinimum = halfAt(in + 2);
    const Byte* fifth = in + 16;
    const Byte* q = in + 48;
    for (std::size_t part = 0; part < 4; ++part, q += 32, out += 64) {
        const auto low = packedScale(in + 4, 2 * part, d, dMinimum), high = packedScale(in + 4, 2 * part + 1, d, dMinimum);
        for (std::size_t l = 0; l < 32; ++l) {
            const int bits = fifth[l] >> (2 * part);
            out[l] = low.scale * static_cast<float>((q[l] & 15) + 16 * (bits & 1)) - low.minimum;
            out[l + 32] = high.scale * static_cast<float>((q[l] >> 4) + 16 * (bits >> 1 & 1)) - high.minimum;
        }
    }
}

void q6_K(const Byte* in, float* out) { // low nibbles[128]; upper two bits[64]; i8 scales[16]; f16 d
    const float d = halfAt(in + 208);
    for (std::size_t half = 0; half < 2; ++half, out += 128) {
        const Byte* low = in + 64 * half;
        const Byte* upper = in + 128 + 32 * half;
        float scale[8];
        for (std::size_t i = 0; i < 8; ++i) scale[i] = d * static_cast<float>(static_cast<signed char>(in[192 + 8 * half + i]));
        for (std::size_t first = 0; first < 32; first += 16) {
            const float* s = scale + first / 16;
            for (std::size_t l = first; l < first + 16; ++l) {
                out[l] = s[0] * static_cast<float>(((low[l] & 15) | (upper[l] & 3) << 4) - 32);
                out[l + 32] = s[2] * static_cast<float>(((low[l + 32] & 15) | (upper[l] >> 2 & 3) << 4) - 32);
                out[l + 64] = s[4] * static_cast<float>((low[l] >> 4 | (upper[l] >> 4 & 3) << 4) - 32);
                out[l + 96] = s[6] * static_cast<float>((low[l + 32] >> 4 | (upper[l] >> 6) << 4) - 32);
            }
        }
    }
}

void (*blockFunction(DType type))(const Byte*, float*) {
    switch (type) {
    case DType::Q8_0: return q8_0;
    case DType::Q4_0: return q4_0;
    case DType::Q4_1: return q4_1;
    case DType::Q4_K: return q4_K;
    case DType::Q5_K: return q5_K;
    case DType::Q6_K: return q6_K;
    default: return nullptr;
    }
}

} // namespace

bool blocksToFloat(DType type, const std::byte* bytes, std::size_t count, float* out) {
    if (count == 0) return type <= DType::BF16 || blockFunction(type);
    const auto* in = reinterpret_cast<const Byte*>(bytes);
    if (type == DType::F64 || type == DType::F32 || type == DType::F16 || type == DType::BF16) {
        plain(type, in, count, out);
        return true;
    }
    const auto block = blockFunction(type);
    if (!block) return false;
    const std::size_t size = blockSize(type), step = byteSize(type, size);
    for (std::size_t i = 0; i < count; i += size, in += step) block(in, out + i);
    return true;
}

} // namespace engine
