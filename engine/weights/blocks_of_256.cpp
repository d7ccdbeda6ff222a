// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/blocks.h"

namespace engine::blocks {

namespace {

struct ScaleAndMinimum {
    float scale, minimum;
};

/// Of eight 6-bit scales and eight 6-bit minima in 12 bytes (Q4_K, Q5_K).
ScaleAndMinimum packedScale(const Byte* scales, std::size_t j, float d, float dMinimum) {
    const int scale = j < 4 ? scales[j] & 63 : (scales[j + 4] & 15) | (scales[j - 4] >> 6) << 4;
    const int minimum = j < 4 ? scales[j + 4] & 63 : (scales[j + 4] >> 4) | (scales[j] >> 6) << 4;
    return {d * static_cast<float>(scale), dMinimum * static_cast<float>(minimum)};
}

/// Of sixteen 6-bit scales in 12 bytes, of which 32 is taken (Q3_K): eight bytes of low halves, four of upper two bits.
int packedScale(const Byte* scales, std::size_t j) {
    const int low = j < 8 ? scales[j] & 15 : scales[j - 8] >> 4;
    return (low | (scales[8 + j % 4] >> (2 * (j / 4)) & 3) << 4) - 32;
}

} // namespace

void q2_K(const Byte* in, std::size_t blocks, float* out) { // u8 scales and minima[16]; q[64]; f16 d, dmin
    for (; blocks-- > 0; in += 84) {
        const float d = halfAt(in + 80), dMinimum = halfAt(in + 82);
        for (std::size_t part = 0; part < 16; ++part, out += 16) {
            const Byte* q = in + 16 + 32 * (part / 8) + 16 * (part % 2);
            const int shift = 2 * static_cast<int>(part % 8 / 2);
            const float scale = d * static_cast<float>(in[part] & 15), minimum = dMinimum * static_cast<float>(in[part] >> 4);
            for (std::size_t l = 0; l < 16; ++l) out[l] = scale * static_cast<float>(q[l] >> shift & 3) - minimum;
        }
    }
}

void q3_K(const Byte* in, std::size_t blocks, float* out) { // third bits[32]; q[64]; scales[12]; f16 d
    for (; blocks-- > 0; in += 110) {
        const float d = halfAt(in + 108);
        for (std::size_t part = 0; part < 16; ++part, out += 16) {
            const Byte* q = in + 32 + 32 * (part / 8) + 16 * (part % 2);
            const Byte* third = in + 16 * (part % 2);
            const int shift = 2 * static_cast<int>(part % 8 / 2), bit = static_cast<int>(part / 2);
            const float scale = d * static_cast<float>(packedScale(in + 96, part));
            for (std::size_t l = 0; l < 16; ++l)
                out[l] = scale * static_cast<float>((q[l] >> shift & 3) - (third[l] >> bit & 1 ? 0 : 4));
        }
    }
}

void q4_K(const Byte* in, std::size_t blocks, float* out) { // f16 d, dmin; scales[12]; q[128]
    for (; blocks-- > 0; in += 144) {
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
}

void q5_K(const Byte* in, std::size_t blocks, float* out) { // f16 d, dmin; scales[12]; fifth bits[32]; q[128]
    for (; blocks-- > 0; in += 176) {
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
}

void q6_K(const Byte* in, std::size_t blocks, float* out) { // low nibbles[128]; upper two bits[64]; i8 scales[16]; f16 d
    for (; blocks-- > 0; in += 210) {
        const float d = halfAt(in + 208);
        for (std::size_t half = 0; half < 2; ++half, out += 128) {
            const Byte* low = in + 64 * half;
            const Byte* upper = in + 128 + 32 * half;
            float scale[8];
            for (std::size_t i = 0; i < 8; ++i)
                scale[i] = d * static_cast<float>(static_cast<signed char>(in[192 + 8 * half + i]));
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
}

void iq4_xs(const Byte* in, std::size_t blocks,
            float* out) { // f16 d; u16 upper two bits of eight scales; their nibbles[4]; q[128]
    for (; blocks-- > 0; in += 136) {
        const float d = halfAt(in);
        const int upper = in[2] | in[3] << 8;
        for (std::size_t part = 0; part < 8; ++part, out += 32) {
            const int low = in[4 + part / 2] >> (4 * (part % 2)) & 15;
            const float scale = d * static_cast<float>((low | (upper >> (2 * part) & 3) << 4) - 32);
            const Byte* q = in + 8 + 16 * part;
            for (std::size_t l = 0; l < 16; ++l) {
                out[l] = scale * kIq4Values[q[l] & 15];
                out[l + 16] = scale * kIq4Values[q[l] >> 4];
            }
        }
    }
}

} // namespace engine::blocks
