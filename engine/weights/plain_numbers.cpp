// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/bfloat16.h"
#include "engine/kernels/blocks.h"
#include "engine/weights/blocks.h"

namespace engine::blocks {

namespace {

template <class T> T load(const Byte* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

// In pieces of a fixed size, which the compiler turns into vector code.
template <std::size_t Bytes, class Convert> void each(const Byte* in, std::size_t count, float* out, const Convert& convert) {
    constexpr std::size_t kPiece = 32;
    std::size_t i = 0;
    for (; i + kPiece <= count; i += kPiece, in += kPiece * Bytes)
        for (std::size_t j = 0; j < kPiece; ++j) out[i + j] = convert(in + j * Bytes);
    for (; i < count; ++i, in += Bytes) out[i] = convert(in);
}

} // namespace

void f64(const Byte* in, std::size_t count, float* out) {
    each<8>(in, count, out, [](const Byte* at) { return static_cast<float>(load<double>(at)); });
}

void f32(const Byte* in, std::size_t count, float* out) {
    if (count > 0) std::memcpy(out, in, 4 * count);
}

void f16(const Byte* in, std::size_t count, float* out) {
    const std::size_t done = kernels::halvesToFloat(reinterpret_cast<const std::byte*>(in), count, out);
    each<2>(in + 2 * done, count - done, out + done, halfAt);
}

void bf16(const Byte* in, std::size_t count, float* out) {
    each<2>(in, count, out, [](const Byte* at) { return fromBf16(load<std::uint16_t>(at)); });
}

} // namespace engine::blocks
