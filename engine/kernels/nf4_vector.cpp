// SPDX-License-Identifier: GPL-3.0-or-later
// NF4 by vector instructions, chosen for the CPU at run time.
#include "engine/error.h"
#include "engine/kernels/nf4.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/nf4_vector.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace engine::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
// A CPU without vectors: the plain version.
std::size_t QuantizeBlocks(const float* values, std::size_t blocks, std::uint8_t* codes, float* absmax) {
    nf4_plain::quantize(values, blocks * kNf4Block, codes, absmax);
    return blocks;
}
void DequantizeBlocks(const std::uint8_t* codes, const float* absmax, std::size_t blocks, std::size_t block, float* out) {
    nf4_plain::dequantize({codes, absmax, block}, 0, blocks * block, out);
}
void DequantizeBlocksBf16(const std::uint8_t* codes, const float* absmax, std::size_t blocks, std::size_t block,
                          std::uint16_t* out) {
    nf4_plain::dequantize({codes, absmax, block}, 0, blocks * block, out);
}
#else

using D = hn::CappedTag<float, 16>;

/// Whole blocks; the index of the first block that holds a value that is not finite, else `blocks`.
std::size_t QuantizeBlocks(const float* values, std::size_t blocks, std::uint8_t* codes, float* absmax) {
    const D d;
    const hn::RebindToSigned<D> di;
    const hn::Rebind<std::uint8_t, D> d8;
    const hn::CappedTag<std::uint16_t, 32> d16;
    const hn::Rebind<std::uint8_t, decltype(d16)> dPacked;
    const std::size_t lanes = hn::Lanes(d), lanes16 = hn::Lanes(d16);
    const std::array<float, 16>& table = nf4Values();
    for (std::size_t b = 0; b < blocks; ++b, values += kNf4Block, codes += kNf4Block / 2) {
        // Magnitudes of floats order as their bits do, what is not finite above all others.
        auto most = hn::Zero(di);
        for (std::size_t i = 0; i < kNf4Block; i += lanes)
            most = hn::Max(most, hn::And(hn::BitCast(di, hn::LoadU(d, values + i)), hn::Set(di, 0x7FFFFFFF)));
        const std::int32_t bits = hn::GetLane(hn::MaxOfLanes(di, most));
        if (bits >= 0x7F800000) return b;
        const float largest = hn::GetLane(hn::BitCast(d, hn::Set(di, bits)));
        absmax[b] = largest;
        const auto inverse = hn::Set(d, 1.0f / (largest < 1e-38f ? 1e-38f : largest));
        HWY_ALIGN std::uint8_t unpacked[kNf4Block];
        for (std::size_t i = 0; i < kNf4Block; i += lanes) {
            const auto value = hn::Mul(hn::LoadU(d, values + i), inverse);
            auto code = hn::Zero(di);
            for (std::size_t k = 0; k < 15; ++k) // a mask's lanes are -1 as numbers
                code = hn::Sub(code,
                               hn::VecFromMask(di, hn::RebindMask(di, hn::Gt(value, hn::Set(d, (table[k] + table[k + 1]) / 2)))));
            hn::StoreU(hn::DemoteTo(d8, code), d8, unpacked + i);
        }
        const hn::RebindToSigned<decltype(d16)> ds16;
        for (std::size_t i = 0; i < kNf4Block; i += 2 * lanes16) {
            const auto pairs = hn::BitCast(d16, hn::LoadU(hn::Repartition<std::uint8_t, decltype(d16)>(), unpacked + i));
            const auto packed =
                hn::And(hn::Or(hn::ShiftLeft<4>(pairs), hn::ShiftRight<8>(pairs)), hn::Set(d16, std::uint16_t{0xFF}));
            hn::StoreU(hn::DemoteTo(dPacked, hn::BitCast(ds16, packed)), dPacked, codes + i / 2);
        }
    }
    return blocks;
}

/// Codes 0..15 of as many values as a vector has lanes.
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> unpack(const std::uint8_t* codes) {
    const hn::RebindToSigned<D> di;
    const hn::Repartition<std::uint64_t, D> d64;
    const hn::Rebind<std::uint32_t, decltype(d64)> d32;
    const hn::Rebind<std::uint8_t, decltype(d64)> d8;
    const auto bytes = hn::PromoteTo(d64, hn::PromoteTo(d32, hn::LoadU(d8, codes)));
    return hn::BitCast(di, hn::Or(hn::ShiftRight<4>(bytes), hn::ShiftLeft<32>(hn::And(bytes, hn::Set(d64, std::uint64_t{15})))));
}

template <class T>
void DequantizeBlocksOf(const std::uint8_t* codes, const float* absmax, std::size_t blocks, std::size_t block, T* out) {
    const D d;
    const hn::RebindToSigned<D> di;
    const std::size_t lanes = hn::Lanes(d);
    const float* table = nf4Values().data();
#if HWY_HAVE_SCALABLE
    constexpr std::size_t kLanes = 1;
#else
    constexpr std::size_t kLanes = hn::MaxLanes(D());
#endif
    for (std::size_t b = 0; b < blocks; ++b) {
        const auto scale = hn::Set(d, absmax[b]);
        for (std::size_t i = 0; i < block; i += lanes, codes += lanes / 2, out += lanes) {
            const auto code = unpack(codes);
            if constexpr (kLanes == 16) {
                kernels::HWY_NAMESPACE::store(
                    d, hn::Mul(hn::TableLookupLanes(hn::LoadU(d, table), hn::IndicesFromVec(d, code)), scale), out);
            } else if constexpr (kLanes == 8) {
                const auto index = hn::IndicesFromVec(d, hn::And(code, hn::Set(di, 7)));
                const auto upper = hn::RebindMask(d, hn::Gt(code, hn::Set(di, 7)));
                const auto value = hn::IfThenElse(upper, hn::TableLookupLanes(hn::LoadU(d, table + 8), index),
                                                  hn::TableLookupLanes(hn::LoadU(d, table), index));
                kernels::HWY_NAMESPACE::store(d, hn::Mul(value, scale), out);
            } else {
                kernels::HWY_NAMESPACE::store(d, hn::Mul(hn::GatherIndex(d, table, code), scale), out);
            }
        }
    }
}

void DequantizeBlocks(const std::uint8_t* codes, const float* absmax, std::size_t blocks, std::size_t block, float* out) {
    DequantizeBlocksOf(codes, absmax, blocks, block, out);
}
void DequantizeBlocksBf16(const std::uint8_t* codes, const float* absmax, std::size_t blocks, std::size_t block,
                          std::uint16_t* out) {
    DequantizeBlocksOf(codes, absmax, blocks, block, out);
}
#endif

} // namespace engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine {

HWY_EXPORT(QuantizeBlocks);
HWY_EXPORT(DequantizeBlocks);
HWY_EXPORT(DequantizeBlocksBf16);

namespace {

/// Whole blocks by `blocks(firstBlock, count, out)`, what is left at both ends by the plain version.
template <class T, class Blocks>
void dequantizeRange(const Nf4Codes& tensor, std::size_t begin, std::size_t end, T* out, const Blocks& blocks) {
    const std::size_t first = nf4Blocks(begin, tensor.block), last = end / tensor.block;
    if (first >= last) return nf4_plain::dequantize(tensor, begin, end, out);
    nf4_plain::dequantize(tensor, begin, first * tensor.block, out);
    blocks(tensor.codes + first * tensor.block / 2, tensor.absmax + first, last - first, tensor.block,
           out + (first * tensor.block - begin));
    nf4_plain::dequantize(tensor, last * tensor.block, end, out + (last * tensor.block - begin));
}

} // namespace

void quantizeNf4(const float* values, std::size_t count, std::uint8_t* codes, float* absmax) {
    const std::size_t blocks = count / kNf4Block;
    if (HWY_DYNAMIC_DISPATCH(QuantizeBlocks)(values, blocks, codes, absmax) < blocks)
        throw Error(ErrorCode::BadInput, "The weights hold a value that is not finite, so they cannot be stored in 4 bits.");
    const std::size_t done = blocks * kNf4Block;
    if (done < count) nf4_plain::quantize(values + done, count - done, codes + done / 2, absmax + blocks);
}

void dequantizeNf4(const Nf4Codes& tensor, std::size_t begin, std::size_t end, float* out) {
    dequantizeRange(tensor, begin, end, out, [](auto... arguments) { HWY_DYNAMIC_DISPATCH(DequantizeBlocks)(arguments...); });
}

void dequantizeNf4(const Nf4Codes& tensor, std::size_t begin, std::size_t end, std::uint16_t* out) {
    dequantizeRange(tensor, begin, end, out, [](auto... arguments) { HWY_DYNAMIC_DISPATCH(DequantizeBlocksBf16)(arguments...); });
}

} // namespace engine
#endif
