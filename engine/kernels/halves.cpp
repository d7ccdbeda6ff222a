// SPDX-License-Identifier: GPL-3.0-or-later
// Half floats to float32 by vector instructions, chosen for the CPU at run time.
#include "engine/kernels/blocks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/halves.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace engine::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// As many whole vectors as there are; the number of values done.
std::size_t HalvesToFloat(const std::uint16_t* in, std::size_t count, float* out) {
    const hn::ScalableTag<float> d;
    const hn::RebindToUnsigned<decltype(d)> du;
    const hn::Rebind<std::uint16_t, decltype(d)> dHalf;
    const std::size_t lanes = hn::Lanes(d);
    std::size_t i = 0;
    for (; i + lanes <= count; i += lanes) {
        const auto half = hn::PromoteTo(du, hn::LoadU(dHalf, in + i));
        const auto rest = hn::And(half, hn::Set(du, 0x7FFFu));
        const auto sign = hn::ShiftLeft<16>(hn::Xor(half, rest));
        const auto normal =
            hn::Mul(hn::BitCast(d, hn::Add(hn::ShiftLeft<13>(rest), hn::Set(du, 0xE0u << 23))), hn::Set(d, 0x1.0p-112f));
        const auto tiny =
            hn::Sub(hn::BitCast(d, hn::Or(rest, hn::Set(du, 126u << 23))), hn::Set(d, 0.5f)); // exponent 0: rest * 2^-24
        const auto size = hn::IfThenElse(hn::RebindMask(d, hn::Lt(rest, hn::Set(du, 0x400u))), tiny, normal);
        hn::StoreU(hn::BitCast(d, hn::Or(sign, hn::BitCast(du, size))), d, out + i);
    }
    return i;
}

} // namespace engine::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace engine::kernels {

HWY_EXPORT(HalvesToFloat);

std::size_t halvesToFloat(const std::byte* bytes, std::size_t count, float* out) {
    return HWY_DYNAMIC_DISPATCH(HalvesToFloat)(reinterpret_cast<const std::uint16_t*>(bytes), count, out);
}

} // namespace engine::kernels
#endif
