// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/dense_bf16.h"
#include "engine/kernels/panels_bf16-inl.h"

#include <algorithm>

namespace engine::kernels {

#if defined(__x86_64__)

namespace {

constexpr std::int64_t kPairs = kLanes; // of a vector

/// The lanes of a vector that are left of `count`.
WITHIN __mmask16 someOf(std::int64_t count) {
    return static_cast<__mmask16>(count >= kLanes ? 0xFFFF : (1 << std::max<std::int64_t>(count, 0)) - 1);
}

/// A panel of W^T: columns are W's rows.
struct Forward {
    const DenseRows& w;
    std::int64_t first; // row of W

    WITH_BF16 void operator()(std::int64_t begin, std::int64_t depth, Bf16* panel) const {
        for (std::int64_t lane = 0; lane < kPanelColumns; lane += kLanes) {
            const std::int64_t row = first + lane, rows = std::clamp<std::int64_t>(w.rows - row, 0, kLanes);
            for (std::int64_t k = 0; k < depth; k += 2 * kPairs) {
                const std::int64_t pairs = std::min(kPairs, (depth - k) / 2);
                const __mmask16 some = someOf(pairs);
                __m512i m[kLanes];
                for (std::int64_t r = 0; r < kLanes; ++r)
                    m[r] = r < rows ? _mm512_maskz_loadu_epi32(some, w.values + (row + r) * w.width + begin + k)
                                    : _mm512_setzero_si512();
                transpose(m);
                for (std::int64_t p = 0; p < pairs; ++p)
                    _mm512_store_si512(panel + ((k / 2 + p) * kPanelColumns + lane) * 2, m[p]);
            }
        }
    }
};

/// A panel of W: columns are W's columns, the depth is its parts' rows.
struct Backward {
    std::span<const DenseRows> parts;
    std::int64_t column;

    WITH_BF16 void operator()(std::int64_t begin, std::int64_t depth, Bf16* panel) const {
        for (const DenseRows& w : parts) {
            const std::int64_t rows = std::min(depth, w.rows - begin);
            if (rows > 0) {
                layOut(w, begin, rows, panel);
                panel += rows * kPanelColumns;
                depth -= rows;
            }
            begin = std::max<std::int64_t>(begin - w.rows, 0);
        }
    }

    WITH_BF16 void layOut(const DenseRows& w, std::int64_t begin, std::int64_t depth, Bf16* panel) const {
        alignas(64) static constexpr auto halves = [] {
            std::array<std::uint16_t, 64> all{};
            for (std::uint16_t i = 0; i < 64; ++i) all[i] = static_cast<std::uint16_t>(i / 2 + i % 2 * 32);
            return all;
        }();
        const __m512i low = _mm512_load_si512(halves.data()), high = _mm512_load_si512(halves.data() + 32);
        for (std::int64_t row = begin; row < begin + depth; row += 2, panel += 2 * kPanelColumns)
            for (std::int64_t c = 0; c < kPanelColumns; c += 2 * kLanes) {
                const std::int64_t left = w.width - column - c;
                const auto some =
                    static_cast<__mmask32>(left >= 2 * kLanes ? 0xFFFFFFFF : (1u << std::max<std::int64_t>(left, 0)) - 1);
                const Bf16* from = w.values + row * w.width + column + c;
                const __m512i even = _mm512_maskz_loadu_epi16(some, from), odd = _mm512_maskz_loadu_epi16(some, from + w.width);
                _mm512_store_si512(panel + 2 * c, _mm512_permutex2var_epi16(even, low, odd));
                _mm512_store_si512(panel + 2 * (c + kLanes), _mm512_permutex2var_epi16(even, high, odd));
            }
    }
};

/// The units [begin, end) of a product [count, columns]: of one panel after another, kPanelRows rows each.
template <class Panel>
WITH_BF16 void someUnits(const Rows& x, std::int64_t count, std::int64_t depth, const Panel& panelAt, std::int64_t columns,
                         std::int64_t begin, std::int64_t end, const Rows& y, bool add) {
    const std::int64_t panelDepth =
        depth > kDepth ? kDepth : kDepth / 2; // as oneDNN sums (3.12, AVX512-BF16), whose product this then is to the bit
    const std::int64_t perPanel = (count + kPanelRows - 1) / kPanelRows;
    while (begin < end) {
        const std::int64_t panel = begin / perPanel, last = std::min(end, (panel + 1) * perPanel);
        const std::int64_t row = (begin - panel * perPanel) * kPanelRows,
                           rows = std::min(count, (last - panel * perPanel) * kPanelRows) - row, column = panel * kPanelColumns;
        const Rows from{static_cast<Bf16*>(x.data) + row * x.stride, x.stride, x.type};
        product(from, rows, depth, panelAt(column), panelDepth, Sums::AddTo, std::min(kPanelColumns, columns - column),
                static_cast<Bf16*>(y.data) + row * y.stride + column, y.stride, add);
        begin = last;
    }
}

} // namespace

bool multipliesDensePanels() {
    return multipliesNf4InBf16() && !__builtin_cpu_supports("amx-bf16");
}

void multiplyDensePanels(Rows x, std::int64_t count, const DenseRows& w, std::int64_t begin, std::int64_t end, Rows y, bool add) {
    someUnits(
        x, count, w.width,
        [&](std::int64_t column) {
            return Forward{w, column};
        },
        w.rows, begin, end, y, add);
}

void multiplyDensePanelsBack(Rows dy, std::int64_t count, std::span<const DenseRows> parts, std::int64_t begin, std::int64_t end,
                             Rows dx, bool add) {
    std::int64_t depth = 0;
    for (const DenseRows& w : parts) depth += w.rows;
    someUnits(
        dy, count, depth,
        [&](std::int64_t column) {
            return Backward{parts, column};
        },
        parts.front().width, begin, end, dx, add);
}

#else

bool multipliesDensePanels() {
    return false;
}
void multiplyDensePanels(Rows, std::int64_t, const DenseRows&, std::int64_t, std::int64_t, Rows, bool) {}
void multiplyDensePanelsBack(Rows, std::int64_t, std::span<const DenseRows>, std::int64_t, std::int64_t, Rows, bool) {}

#endif

} // namespace engine::kernels
