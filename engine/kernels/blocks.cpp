// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/blocks.h"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocks.cpp"
#include <hwy/foreach_target.h>

#include "engine/kernels/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {

using D = hn::CappedTag<float, 16>;

HWY_INLINE float halfAt(const std::uint8_t* at) {
    const hn::CappedTag<float, 1> d;
    hwy::float16_t half;
    std::memcpy(&half, at, sizeof half);
    return hn::GetLane(hn::PromoteTo(d, hn::LoadU(hn::Rebind<hwy::float16_t, decltype(d)>(), &half)));
}

/// A block's scale, what is added to each of its elements, and the elements as whole numbers.
template <BlockKind kKind> struct Block;
template <> struct Block<BlockKind::Q4_1> { // f16 scale, minimum; 16 bytes whose lower halves come first
    static constexpr std::int64_t kBytes = 20;
    static HWY_INLINE float scale(const std::uint8_t* at) { return halfAt(at); }
    static HWY_INLINE float shift(const std::uint8_t* at, float) { return halfAt(at + 2); }
    static HWY_INLINE hn::Vec<D> low(D d, const std::uint8_t* at, std::size_t i) {
        const hn::RebindToSigned<D> di;
        return hn::ConvertTo(d,
                             hn::And(hn::PromoteTo(di, hn::LoadU(hn::Rebind<std::uint8_t, D>(), at + 4 + i)), hn::Set(di, 15)));
    }
    static HWY_INLINE hn::Vec<D> high(D d, const std::uint8_t* at, std::size_t i) {
        const hn::RebindToSigned<D> di;
        return hn::ConvertTo(d, hn::ShiftRight<4>(hn::PromoteTo(di, hn::LoadU(hn::Rebind<std::uint8_t, D>(), at + 4 + i))));
    }
};
template <> struct Block<BlockKind::Q4_0> { // the same with minimum -8 scale
    static constexpr std::int64_t kBytes = 18;
    static HWY_INLINE float scale(const std::uint8_t* at) { return halfAt(at); }
    static HWY_INLINE float shift(const std::uint8_t*, float scale) { return -8 * scale; }
    static HWY_INLINE hn::Vec<D> low(D d, const std::uint8_t* at, std::size_t i) {
        return Block<BlockKind::Q4_1>::low(d, at - 2, i);
    }
    static HWY_INLINE hn::Vec<D> high(D d, const std::uint8_t* at, std::size_t i) {
        return Block<BlockKind::Q4_1>::high(d, at - 2, i);
    }
};
template <> struct Block<BlockKind::Q8_0> { // f16 scale; 32 signed bytes
    static constexpr std::int64_t kBytes = 34;
    static HWY_INLINE float scale(const std::uint8_t* at) { return halfAt(at); }
    static HWY_INLINE float shift(const std::uint8_t*, float) { return 0; }
    static HWY_INLINE hn::Vec<D> low(D d, const std::uint8_t* at, std::size_t i) {
        const hn::Rebind<std::int8_t, D> d8;
        return hn::ConvertTo(
            d, hn::PromoteTo(hn::RebindToSigned<D>(), hn::BitCast(d8, hn::LoadU(hn::Rebind<std::uint8_t, D>(), at + 2 + i))));
    }
    static HWY_INLINE hn::Vec<D> high(D d, const std::uint8_t* at, std::size_t i) { return low(d, at + 16, i); }
};

template <BlockKind kKind, class T> void ExpandOf(const std::uint8_t* at, std::int64_t count, T* out) {
    using B = Block<kKind>;
    const D d;
    for (std::int64_t b = 0; b < count; ++b, at += B::kBytes, out += kBlock) {
        const float scale = B::scale(at), shift = B::shift(at, scale);
        const auto s = hn::Set(d, scale), m = hn::Set(d, shift);
        for (std::size_t i = 0; i < 16; i += hn::Lanes(d)) {
            // The products are exact: 8 bits by 11.
            store(d, hn::MulAdd(B::low(d, at, i), s, m), out + i);
            store(d, hn::MulAdd(B::high(d, at, i), s, m), out + 16 + i);
        }
    }
}

template <int kCount, BlockKind kKind>
void FewRowsBlocksOf(const float* HWY_RESTRICT x, const float* HWY_RESTRICT sums, std::int64_t depth, const std::uint8_t* at,
                     std::int64_t rows, Rows y) {
    using B = Block<kKind>;
    const D d;
    const std::size_t lanes = hn::Lanes(d);
    const std::int64_t blocks = depth / kBlock;
    for (std::int64_t o = 0; o < rows; ++o) {
        hn::Vec<D> total[kCount];
        float shifts[kCount] = {};
        for (int n = 0; n < kCount; ++n) total[n] = hn::Zero(d);
        for (std::int64_t b = 0; b < blocks; ++b, at += B::kBytes) {
            const float scale = B::scale(at), shift = B::shift(at, scale);
            const float* HWY_RESTRICT xb = x + b * kBlock;
            hn::Vec<D> inner[kCount];
            for (std::size_t i = 0; i < 16; i += lanes) {
                const auto low = B::low(d, at, i), high = B::high(d, at, i);
                for (int n = 0; n < kCount; ++n) {
                    const auto first = hn::LoadU(d, xb + n * depth + i), second = hn::LoadU(d, xb + n * depth + 16 + i);
                    inner[n] = hn::MulAdd(high, second, i == 0 ? hn::Mul(low, first) : hn::MulAdd(low, first, inner[n]));
                }
            }
            for (int n = 0; n < kCount; ++n) {
                total[n] = hn::MulAdd(inner[n], hn::Set(d, scale), total[n]);
                if (kKind != BlockKind::Q8_0) shifts[n] += shift * sums[n * blocks + b];
            }
        }
        for (int n = 0; n < kCount; ++n) addTo(y, n, o, hn::GetLane(hn::SumOfLanes(d, total[n])) + shifts[n]);
    }
}

template <BlockKind kKind>
void FewRowsBlocksAny(const float* x, const float* sums, std::int64_t count, std::int64_t depth, const std::uint8_t* at,
                      std::int64_t rows, Rows y) {
    if (count == 1)
        FewRowsBlocksOf<1, kKind>(x, sums, depth, at, rows, y);
    else if (count == 2)
        FewRowsBlocksOf<2, kKind>(x, sums, depth, at, rows, y);
    else if (count == 3)
        FewRowsBlocksOf<3, kKind>(x, sums, depth, at, rows, y);
    else
        FewRowsBlocksOf<4, kKind>(x, sums, depth, at, rows, y);
}

template <BlockKind kKind> void ExpandAny(const std::uint8_t* at, std::int64_t count, Scalar type, void* out) {
    if (type == Scalar::F32)
        ExpandOf<kKind>(at, count, static_cast<float*>(out));
    else
        ExpandOf<kKind>(at, count, static_cast<Bf16*>(out));
}

void ExpandBlocks(BlockKind kind, const std::uint8_t* at, std::int64_t count, Scalar type, void* out) {
    if (kind == BlockKind::Q4_0)
        ExpandAny<BlockKind::Q4_0>(at, count, type, out);
    else if (kind == BlockKind::Q4_1)
        ExpandAny<BlockKind::Q4_1>(at, count, type, out);
    else
        ExpandAny<BlockKind::Q8_0>(at, count, type, out);
}

void SumBlocks(const float* x, std::int64_t blocks, float* sums) {
    const D d;
    for (std::int64_t b = 0; b < blocks; ++b, x += kBlock) {
        auto sum = hn::LoadU(d, x);
        for (std::size_t i = hn::Lanes(d); i < std::size_t{kBlock}; i += hn::Lanes(d)) sum = hn::Add(sum, hn::LoadU(d, x + i));
        sums[b] = hn::GetLane(hn::SumOfLanes(d, sum));
    }
}

void MultiplyFewRowsBlocks(const float* x, const float* sums, std::int64_t count, std::int64_t depth, BlockKind kind,
                           const std::uint8_t* at, std::int64_t rows, Rows y) {
    if (kind == BlockKind::Q4_0)
        FewRowsBlocksAny<BlockKind::Q4_0>(x, sums, count, depth, at, rows, y);
    else if (kind == BlockKind::Q4_1)
        FewRowsBlocksAny<BlockKind::Q4_1>(x, sums, count, depth, at, rows, y);
    else
        FewRowsBlocksAny<BlockKind::Q8_0>(x, sums, count, depth, at, rows, y);
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(ExpandBlocks);
HWY_EXPORT(SumBlocks);
HWY_EXPORT(MultiplyFewRowsBlocks);

namespace {

const std::uint8_t* bytesOf(const std::byte* blocks) {
    return reinterpret_cast<const std::uint8_t*>(blocks);
}

} // namespace

std::int64_t firstBlockNotFinite(BlockKind kind, const std::byte* blocks, std::int64_t count) {
    const std::int64_t step = blockBytes(kind);
    const auto infinite = [](const std::byte* half) { return (std::to_integer<unsigned>(half[1]) & 0x7CU) == 0x7CU; };
    for (std::int64_t b = 0; b < count; ++b, blocks += step)
        if (infinite(blocks) || (kind == BlockKind::Q4_1 && infinite(blocks + 2))) return b;
    return -1;
}

void expandBlocks(BlockKind kind, const std::byte* blocks, std::int64_t count, Scalar type, void* out) {
    HWY_DYNAMIC_DISPATCH(ExpandBlocks)(kind, bytesOf(blocks), count, type, out);
}
void sumBlocks(const float* x, std::int64_t count, std::int64_t depth, float* sums) {
    HWY_DYNAMIC_DISPATCH(SumBlocks)(x, count * (depth / kBlock), sums);
}
void multiplyFewRowsBlocks(const float* x, const float* sums, std::int64_t count, std::int64_t depth, BlockKind kind,
                           const std::byte* blocks, std::int64_t rows, Rows y) {
    HWY_DYNAMIC_DISPATCH(MultiplyFewRowsBlocks)(x, sums, count, depth, kind, bytesOf(blocks), rows, y);
}

} // namespace engine::kernels
#endif
