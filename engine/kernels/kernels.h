// SPDX-License-Identifier: GPL-3.0-or-later
// Everything between the matrix products, vectorised with Highway and chosen by CPU at run time. Each function works on the rows
// it is given, on the calling thread; callers divide rows among threads. No torch here.
#pragma once
#include "engine/kernels/bfloat16.h"

#include <cstdint>

namespace engine::kernels {

/// Element type of activations that enter or leave matrix products.
enum class Scalar { F32, BF16 };
inline std::int64_t sizeOf(Scalar type) {
    return type == Scalar::F32 ? 4 : 2;
}

/// A block of rows: `stride` elements from one row to the next.
struct Rows {
    void* data = nullptr;
    std::int64_t stride = 0;
    Scalar type = Scalar::F32;
};

/// y = (x - mean) * rstd * gamma + beta; RMSNorm when beta is null (mean unused). x [rows, width] float, tightly packed.
void normForward(const float* x, const float* gamma, const float* beta, float eps, std::int64_t rows, std::int64_t width, Rows y,
                 float* mean, float* rstd);
/// dx += the norm's input gradient; LayerNorm when mean is given.
void normBackward(const float* x, const float* gamma, const float* mean, const float* rstd, std::int64_t rows, std::int64_t width,
                  Rows dy, float* dx);

/// x += y.
void addRows(float* x, Rows y, std::int64_t rows, std::int64_t width);
/// y[i] += bias on each row.
void addBias(Rows y, const float* bias, std::int64_t rows, std::int64_t width);
/// out = x, rounded to nearest even.
void castRows(const float* x, std::int64_t rows, std::int64_t width, Rows out);

/// The first of the values that is NaN or infinite; -1: none.
std::int64_t firstNotFinite(const void* values, std::int64_t count, Scalar type);

/// RMSNorm of each of `heads` heads [headDim] of a row, in place; rstd [rows, rstdStride] float may be null.
void headNormForward(Rows x, std::int64_t rows, std::int64_t heads, std::int64_t headDim, const float* gamma, float eps,
                     float* rstd, std::int64_t rstdStride);
/// dy is replaced by the gradient of x, what the norm was given.
void headNormBackward(Rows x, std::int64_t rows, std::int64_t heads, std::int64_t headDim, const float* gamma, const float* rstd,
                      std::int64_t rstdStride, Rows dy);

/// Turns the first `rotary` dims of each of `heads` heads by the row's angle: halves (i, i + rotary/2), as NEOX. cos and sin are
/// [positions, rotary/2]. direction -1 undoes it (the gradient).
void rotate(Rows x, const std::int32_t* positions, std::int64_t rows, std::int64_t heads, std::int64_t headDim,
            std::int64_t rotary, const float* cosTable, const float* sinTable, int direction);

/// Which elements a dropout keeps: a function of key and element number only, so that a backward pass draws the same mask again.
struct Mask {
    std::uint64_t key = 0;
    float rate = 0;
    std::int64_t firstRow = 0; // number of the first row given
};
/// out = in * mask / (1 - rate).
void dropout(Rows in, std::int64_t rows, std::int64_t width, Mask mask, Rows out);
/// out += in * mask / (1 - rate).
void dropoutAdd(Rows in, std::int64_t rows, std::int64_t width, Mask mask, Rows out);

/// Each row's targets, [begin[row], begin[row + 1]); a token appears at most once a row.
struct Targets {
    const std::int64_t* begin = nullptr;
    const std::int32_t* tokens = nullptr;
    const float* weights = nullptr;
    float* losses = nullptr; // written: each target's unweighted cross entropy
};
/// Sum of weight * cross entropy over rows of logits [rows, width]; with `gradient`, logits become its gradient.
double crossEntropy(Rows logits, const Targets& targets, std::int64_t rows, std::int64_t width, bool gradient);
/// log(sum(exp(row))) of each row.
void logSumExp(Rows logits, std::int64_t rows, std::int64_t width, float* out);
/// The place of each row's highest value, the first of several; 0 where a row holds nothing that compares.
void likeliest(Rows logits, std::int64_t rows, std::int64_t width, std::int32_t* out);
/// Dot product of two rows of the same type.
float dot(const void* a, const void* b, std::int64_t width, Scalar type);

/// y[n][o] += x[n] . w[o] for n < count <= 4: weights [rows, depth] are read once. x [count, depth] float; y [count, >= rows].
void multiplyFewRows(const float* x, std::int64_t count, std::int64_t depth, Rows w, std::int64_t rows, Rows y);

/// A matrix [rows, width] in NF4 (engine/kernels/nf4.h): codes [rows, width / 2], absmax [rows, width / block]. width is a
/// multiple of block, block of 64.
struct Nf4Rows {
    const std::uint8_t* codes = nullptr;
    const float* absmax = nullptr;
    std::int64_t block = 64, rows = 0, width = 0;
    const std::uint16_t* shortAbsmax = nullptr; // instead of absmax, for the kernels that multiply pairs of bfloat16

    float scale(std::int64_t number) const { return shortAbsmax ? fromBf16(shortAbsmax[number]) : absmax[number]; }
};
/// The same with W's rows [begin, end) in NF4. x comes apart, even elements before odd ones, as a byte's halves hold them:
/// [2, count, width / 2].
void multiplyFewRowsNf4(const float* x, std::int64_t count, const Nf4Rows& w, std::int64_t begin, std::int64_t end, Rows y);

/// Keys and values of some rows that a query sees, in order.
struct KeySpan {
    const void* keys = nullptr;
    const void* values = nullptr;
    std::int64_t stride = 0, rows = 0;
    Scalar type = Scalar::F32;
    std::int64_t firstRow = 0; // row of the pack, -1: cached (takes no gradient)
};

/// The queries of one node and one key-value head: `groups` query heads that share it, side by side. The last span is the node's
/// own.
struct AttentionTask {
    const void* q = nullptr; // [qRows, groups * headDim]
    std::int64_t qStride = 0, qRows = 0;
    Scalar type = Scalar::F32;
    std::int64_t groups = 1, headDim = 0;
    float scale = 1;
    std::int64_t window = 0; // a query sees so many keys, its own among them; 0: all before it
    const KeySpan* spans = nullptr;
    std::int64_t spanCount = 0;
    void* out = nullptr; // [qRows, groups * headDim]
    std::int64_t outStride = 0;
    float* lse = nullptr; // [qRows, groups] with lseStride; may be null
    std::int64_t lseStride = 0;
};
void attentionForward(const AttentionTask& task);

struct AttentionGradient {
    const void* dOut = nullptr; // as out
    std::int64_t dOutStride = 0;
    void* dq = nullptr; // as q; written
    std::int64_t dqStride = 0;
    float* dk = nullptr; // [pack rows, …] of this head; added to
    float* dv = nullptr;
    std::int64_t dkvStride = 0;
};
/// task.out and task.lse are those of the forward pass.
void attentionBackward(const AttentionTask& task, const AttentionGradient& gradient);

} // namespace engine::kernels
