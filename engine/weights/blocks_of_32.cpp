// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/blocks.h"

namespace engine::blocks {

namespace {

/// Bit j of the four bytes that hold the fifth bits of a block, as 16 or 0.
int fifthBit(std::uint32_t bits, std::size_t j) {
    return static_cast<int>(bits >> j & 1) << 4;
}

std::uint32_t wordAt(const Byte* at) {
    std::uint32_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

} // namespace

void q8_0(const Byte* in, std::size_t blocks, float* out) { // f16 d; i8 q[32]
    for (; blocks-- > 0; in += 34, out += 32) {
        const float d = halfAt(in);
        for (std::size_t j = 0; j < 32; ++j) out[j] = static_cast<float>(static_cast<signed char>(in[2 + j])) * d;
    }
}

void q4_0(const Byte* in, std::size_t blocks, float* out) { // f16 d; u8 q[16]: low nibbles first
    for (; blocks-- > 0; in += 18, out += 32) {
        const float d = halfAt(in);
        for (std::size_t j = 0; j < 16; ++j) {
            out[j] = static_cast<float>((in[2 + j] & 15) - 8) * d;
            out[j + 16] = static_cast<float>((in[2 + j] >> 4) - 8) * d;
        }
    }
}

void q4_1(const Byte* in, std::size_t blocks, float* out) { // f16 d, m; u8 q[16]
    for (; blocks-- > 0; in += 20, out += 32) {
        const float d = halfAt(in), m = halfAt(in + 2);
        for (std::size_t j = 0; j < 16; ++j) {
            out[j] = static_cast<float>(in[4 + j] & 15) * d + m;
            out[j + 16] = static_cast<float>(in[4 + j] >> 4) * d + m;
        }
    }
}

void q5_0(const Byte* in, std::size_t blocks, float* out) { // f16 d; fifth bits[4]; u8 q[16]
    for (; blocks-- > 0; in += 22, out += 32) {
        const float d = halfAt(in);
        const std::uint32_t fifth = wordAt(in + 2);
        for (std::size_t j = 0; j < 16; ++j) {
            out[j] = static_cast<float>(((in[6 + j] & 15) | fifthBit(fifth, j)) - 16) * d;
            out[j + 16] = static_cast<float>(((in[6 + j] >> 4) | fifthBit(fifth, j + 16)) - 16) * d;
        }
    }
}

void q5_1(const Byte* in, std::size_t blocks, float* out) { // f16 d, m; fifth bits[4]; u8 q[16]
    for (; blocks-- > 0; in += 24, out += 32) {
        const float d = halfAt(in), m = halfAt(in + 2);
        const std::uint32_t fifth = wordAt(in + 4);
        for (std::size_t j = 0; j < 16; ++j) {
            out[j] = static_cast<float>((in[8 + j] & 15) | fifthBit(fifth, j)) * d + m;
            out[j + 16] = static_cast<float>((in[8 + j] >> 4) | fifthBit(fifth, j + 16)) * d + m;
        }
    }
}

void iq4_nl(const Byte* in, std::size_t blocks, float* out) { // f16 d; u8 q[16]
    for (; blocks-- > 0; in += 18, out += 32) {
        const float d = halfAt(in);
        for (std::size_t j = 0; j < 16; ++j) {
            out[j] = d * kIq4Values[in[2 + j] & 15];
            out[j + 16] = d * kIq4Values[in[2 + j] >> 4];
        }
    }
}

} // namespace engine::blocks
