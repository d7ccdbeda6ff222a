// SPDX-License-Identifier: GPL-3.0-or-later
// NF4, 4-bit numbers for normally distributed weights (Dettmers et al. 2023), bit for bit as bitsandbytes 0.50 stores them
// (FORMATS §A4).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace engine {

inline constexpr std::size_t kNf4Block = 64;       // values that share a scale
inline constexpr std::size_t kNf4ScaleBlock = 256; // scales that share a scale of their own under double quantisation

/// What the 16 codes stand for, ascending from -1 to 1.
const std::array<float, 16>& nf4Values();
inline std::size_t nf4Blocks(std::size_t count, std::size_t block = kNf4Block) {
    return (count + block - 1) / block;
}
inline std::size_t nf4Bytes(std::size_t count) {
    return (count + 1) / 2;
}

/// Bytes of so many values' codes and scales.
inline double nf4HeldBytes(double values, bool doubleQuant) {
    const double blocks = values / static_cast<double>(kNf4Block);
    return values / 2 + (doubleQuant ? blocks * (1 + 4.0 / static_cast<double>(kNf4ScaleBlock)) : blocks * 4);
}

/// Codes [nf4Bytes(count)], two a byte, the first in the upper half, and absmax [nf4Blocks(count)], the largest magnitude of each
/// block of 64 values. Threads share a tensor by whole blocks: (values + 64 b, …, codes + 32 b, absmax + b).
/// Throws Error(BadInput) for a value that is not finite.
void quantizeNf4(const float* values, std::size_t count, std::uint8_t* codes, float* absmax);

/// Codes and scales of a whole tensor; `block` is a power of two from 32 to 4096.
struct Nf4Codes {
    const std::uint8_t* codes = nullptr;
    const float* absmax = nullptr;
    std::size_t block = kNf4Block;
};
/// Elements [begin, end) to out [end - begin], float32 or bfloat16 (rounded to nearest even). Threads may share a tensor in any
/// way; ranges of whole blocks are fastest.
void dequantizeNf4(const Nf4Codes& tensor, std::size_t begin, std::size_t end, float* out);
void dequantizeNf4(const Nf4Codes& tensor, std::size_t begin, std::size_t end, std::uint16_t* out);

/// The same without vector instructions: what the fast ones are tested against.
namespace nf4_plain {
void quantize(const float* values, std::size_t count, std::uint8_t* codes, float* absmax);
void dequantize(const Nf4Codes& tensor, std::size_t begin, std::size_t end, float* out);
void dequantize(const Nf4Codes& tensor, std::size_t begin, std::size_t end, std::uint16_t* out);
} // namespace nf4_plain

/// Double quantisation: scales as 8-bit codes of a dynamic map, after `offset` was taken off.
struct Nf4Scales {
    std::vector<std::uint8_t> codes; // one a scale
    std::vector<float> absmax;       // one a kNf4ScaleBlock of scales
    float offset = 0;
};
/// bitsandbytes' signed dynamic map, ascending: what the 256 codes stand for.
const std::array<float, 256>& dynamicMap();
/// `offset` is the scales' mean. (torch's own mean may differ in the last bit, and from one thread count to the next.)
Nf4Scales quantizeScales(std::span<const float> absmax);
Nf4Scales quantizeScales(std::span<const float> absmax, float offset);
/// map[code] * absmax + offset, for the scales [begin, begin + out.size()).
void dequantizeScales(std::span<const std::uint8_t> codes, std::span<const float> absmax, std::size_t block,
                      std::span<const float, 256> map, float offset, std::size_t begin, std::span<float> out);
/// The same for all of them.
std::vector<float> dequantizeScales(std::span<const std::uint8_t> codes, std::span<const float> absmax, std::size_t block,
                                    std::span<const float, 256> map, float offset);

} // namespace engine
