// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels between the matrix products, on each kind of CPU, against plain loops in double.
#include "engine/kernels/activations.h"
#include "engine/kernels/bfloat16.h"
#include "engine/kernels/kernels.h"
#include "engine/kernels/optim.h"
#include "tests/support/cpu_targets.h"

#include <QTest>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

using namespace engine::kernels;
using engine::fromBf16;
using engine::toBf16;
using testing_support::OnTarget;
using Floats = std::vector<float>;

namespace {

Floats some(std::int64_t count, unsigned seed, float deviation = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, deviation);
    Floats values(static_cast<std::size_t>(count));
    for (float& value : values) value = normal(random);
    return values;
}

/// Rows of width `width`, `stride` apart, in either type; what lies between rows must stay as it was.
class Matrix {
public:
    Matrix(const Floats& values, std::int64_t width, Scalar type, std::int64_t gap = 3)
        : m_width(width), m_stride(width + gap), m_type(type), m_rows(static_cast<std::int64_t>(values.size()) / width) {
        m_floats.assign(static_cast<std::size_t>(m_rows * m_stride), 9.0f);
        for (std::int64_t r = 0; r < m_rows; ++r)
            for (std::int64_t c = 0; c < width; ++c) at(r, c) = values[static_cast<std::size_t>(r * width + c)];
        for (const float value : m_floats) m_halves.push_back(toBf16(value));
        if (type == Scalar::BF16)
            for (std::size_t i = 0; i < m_floats.size(); ++i) m_floats[i] = fromBf16(m_halves[i]);
    }
    Rows rows(std::int64_t column = 0) {
        if (m_type == Scalar::F32) return {m_floats.data() + column, m_stride, m_type};
        return {m_halves.data() + column, m_stride, m_type};
    }
    double operator()(std::int64_t row, std::int64_t column) const {
        const auto i = static_cast<std::size_t>(row * m_stride + column);
        return m_type == Scalar::F32 ? double{m_floats[i]} : double{fromBf16(m_halves[i])};
    }
    bool gapsAreWhole() const {
        for (std::int64_t r = 0; r < m_rows; ++r)
            for (std::int64_t c = m_width; c < m_stride; ++c)
                if ((*this)(r, c) != 9.0) return false;
        return true;
    }

private:
    float& at(std::int64_t row, std::int64_t column) { return m_floats[static_cast<std::size_t>(row * m_stride + column)]; }
    std::int64_t m_width, m_stride;
    Scalar m_type;
    std::int64_t m_rows;
    Floats m_floats;
    std::vector<std::uint16_t> m_halves;
};

/// |found - expected| in the type's precision, where values are of size one.
bool close(double found, double expected, Scalar type = Scalar::F32, double slack = 1) {
    return std::abs(found - expected) <= slack * (type == Scalar::F32 ? 4e-6 : 5e-3) * (1 + std::abs(expected));
}

constexpr std::int64_t kWidths[] = {1, 15, 64, 99};

} // namespace

#define EACH_TARGET(name)                                                                                                        \
    void name##_data() {                                                                                                         \
        QTest::addColumn<qint64>("target");                                                                                      \
        QTest::addColumn<bool>("bf16");                                                                                          \
        for (const std::int64_t target : testing_support::cpuTargets())                                                          \
            for (const bool bf16 : {false, true})                                                                                \
                QTest::addRow("%s %s", hwy::TargetName(target), bf16 ? "bf16" : "fp32") << qint64{target} << bf16;               \
    }                                                                                                                            \
    void name() {                                                                                                                \
        QFETCH(qint64, target);                                                                                                  \
        QFETCH(bool, bf16);                                                                                                      \
        const OnTarget on(target);                                                                                               \
        name##With(bf16 ? Scalar::BF16 : Scalar::F32);                                                                           \
    }                                                                                                                            \
    void name##With(Scalar type)

class TestKernels : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void norms_data() { normsCases_data(); }
    void norms() { normsCases(); }
    void headNorms_data() { headNormsCases_data(); }
    void headNorms() { headNormsCases(); }
    void activations_data() { activationsCases_data(); }
    void activations() { activationsCases(); }
    void additions_data() { additionsCases_data(); }
    void additions() { additionsCases(); }
    void rotations_data() { rotationsCases_data(); }
    void rotations() { rotationsCases(); }
    void dropouts_data() { dropoutsCases_data(); }
    void dropouts() { dropoutsCases(); }
    void losses_data() { lossesCases_data(); }
    void losses() { lossesCases(); }
    void attends_data() { attendsCases_data(); }
    void attends() { attendsCases(); }
    void steps_data() { stepsCases_data(); }
    void steps() { stepsCases(); }

private:
    EACH_TARGET(normsCases) {
        for (const std::int64_t width : kWidths)
            for (const bool layer : {false, true}) {
                constexpr std::int64_t kRows = 3;
                const Floats x = some(kRows * width, 1), gamma = some(width, 2), beta = some(width, 3),
                             before = some(kRows * width, 4);
                Matrix y(Floats(x.size()), width, type), dy(some(kRows * width, 5), width, type);
                Floats mean(kRows), rstd(kRows), dx = before;
                normForward(x.data(), gamma.data(), layer ? beta.data() : nullptr, 0.01f, kRows, width, y.rows(), mean.data(),
                            rstd.data());
                normBackward(x.data(), gamma.data(), layer ? mean.data() : nullptr, rstd.data(), kRows, width, dy.rows(),
                             dx.data());
                for (std::int64_t r = 0; r < kRows; ++r) {
                    const float* row = x.data() + r * width;
                    double m = 0, squares = 0, along = 0, sum = 0;
                    for (std::int64_t c = 0; layer && c < width; ++c) m += row[c] / static_cast<double>(width);
                    for (std::int64_t c = 0; c < width; ++c) squares += (row[c] - m) * (row[c] - m) / static_cast<double>(width);
                    const double scale = 1 / std::sqrt(squares + 0.01);
                    for (std::int64_t c = 0; c < width; ++c) {
                        const double g = dy(r, c) * gamma[static_cast<std::size_t>(c)];
                        along += g * (row[c] - m) * scale / static_cast<double>(width);
                        sum += layer ? g / static_cast<double>(width) : 0;
                    }
                    QVERIFY(close(rstd[static_cast<std::size_t>(r)], scale));
                    for (std::int64_t c = 0; c < width; ++c) {
                        const double normed = (row[c] - m) * scale;
                        QVERIFY(close(
                            y(r, c),
                            normed * gamma[static_cast<std::size_t>(c)] + (layer ? beta[static_cast<std::size_t>(c)] : 0), type));
                        const double slope = scale * (dy(r, c) * gamma[static_cast<std::size_t>(c)] - sum - normed * along);
                        QVERIFY(close(dx[static_cast<std::size_t>(r * width + c)],
                                      before[static_cast<std::size_t>(r * width + c)] + slope, Scalar::F32, 10));
                    }
                }
                QVERIFY(y.gapsAreWhole());
            }
    }

    EACH_TARGET(headNormsCases) {
        for (const std::int64_t width : kWidths) {
            constexpr std::int64_t kRows = 3, kHeads = 2, kOthers = 3; // rstd of others' heads lies beside
            const Floats gamma = some(width, 2);
            Matrix x(some(kRows * kHeads * width, 1), kHeads * width, type),
                dy(some(kRows * kHeads * width, 5), kHeads * width, type);
            const Matrix given = x, gradient = dy;
            Matrix before = x;
            Floats rstd(kRows * (kHeads + kOthers), 7.0f);
            headNormForward(x.rows(), kRows, kHeads, width, gamma.data(), 0.01f, rstd.data() + 1, kHeads + kOthers);
            headNormBackward(before.rows(), kRows, kHeads, width, gamma.data(), rstd.data() + 1, kHeads + kOthers, dy.rows());
            for (std::int64_t r = 0; r < kRows; ++r) {
                for (std::int64_t h = 0; h < kHeads; ++h) {
                    double squares = 0, along = 0;
                    for (std::int64_t c = h * width; c < (h + 1) * width; ++c)
                        squares += given(r, c) * given(r, c) / static_cast<double>(width);
                    const double scale = 1 / std::sqrt(squares + 0.01);
                    const auto g = [&](std::int64_t c) {
                        return gradient(r, h * width + c) * gamma[static_cast<std::size_t>(c)];
                    };
                    for (std::int64_t c = 0; c < width; ++c)
                        along += g(c) * given(r, h * width + c) * scale / static_cast<double>(width);
                    QVERIFY(close(rstd[static_cast<std::size_t>(r * (kHeads + kOthers) + 1 + h)], scale, Scalar::F32, 4));
                    for (std::int64_t c = 0; c < width; ++c) {
                        const double normed = given(r, h * width + c) * scale;
                        QVERIFY(close(x(r, h * width + c), normed * gamma[static_cast<std::size_t>(c)], type));
                        QVERIFY(close(dy(r, h * width + c), scale * (g(c) - normed * along), type, 10));
                    }
                }
                QCOMPARE(rstd[static_cast<std::size_t>(r * (kHeads + kOthers))], 7.0f);
                QCOMPARE(rstd[static_cast<std::size_t>(r * (kHeads + kOthers) + 3)], 7.0f);
            }
            QVERIFY(x.gapsAreWhole() && dy.gapsAreWhole());
        }
    }

    EACH_TARGET(activationsCases) {
        const auto silu = [](double g) { return g / (1 + std::exp(-g)); };
        const auto gelu = [](double h) { return 0.5 * h * (1 + std::tanh(std::sqrt(2 / M_PI) * (h + 0.044715 * h * h * h))); };
        const auto slope = [](const auto& f, double v) { return (f(v + 1e-5) - f(v - 1e-5)) / 2e-5; };
        const auto f = [&](Activation a, double v) { return a == Activation::Silu ? silu(v) : gelu(v); };
        for (const std::int64_t width : kWidths)
            for (const Activation kind : {Activation::Silu, Activation::GeluTanh}) {
                constexpr std::int64_t kRows = 2;
                const double lost = kind == Activation::Silu ? 3 : 5; // in the slope
                Floats both = some(kRows * 2 * width, 6, 3);
                both[0] = -200; // where exponentials leave float's range
                both.back() = 200;
                Matrix gateUp(both, 2 * width, type), m(Floats(static_cast<std::size_t>(kRows * width)), width, type),
                    dm(some(kRows * width, 7), width, type);
                const Matrix given = gateUp;
                activate(kind, true, gateUp.rows(), kRows, width, m.rows());
                for (std::int64_t r = 0; r < kRows; ++r)
                    for (std::int64_t c = 0; c < width; ++c)
                        QVERIFY(close(m(r, c), f(kind, given(r, c)) * given(r, width + c), type,
                                      2 * (1 + std::abs(given(r, width + c)))));
                activateBackward(kind, true, gateUp.rows(), kRows, width, dm.rows());
                const auto slopeAt = [&](double v) { return slope([&](double x) { return f(kind, x); }, v); };
                for (std::int64_t r = 0; r < kRows; ++r)
                    for (std::int64_t c = 0; c < width; ++c) {
                        QVERIFY(close(gateUp(r, c), dm(r, c) * given(r, width + c) * slopeAt(given(r, c)), type,
                                      lost * (1 + std::abs(given(r, width + c)))));
                        QVERIFY(close(gateUp(r, width + c), dm(r, c) * f(kind, given(r, c)), type, 2));
                    }
                Matrix h(Floats(both.begin(), both.begin() + kRows * width), width, type);
                const Matrix before = h;
                activate(kind, false, h.rows(), kRows, width, m.rows());
                activateBackward(kind, false, h.rows(), kRows, width, dm.rows());
                for (std::int64_t r = 0; r < kRows; ++r)
                    for (std::int64_t c = 0; c < width; ++c) {
                        QVERIFY(close(m(r, c), f(kind, before(r, c)), type, 2));
                        QVERIFY(close(h(r, c), dm(r, c) * slopeAt(before(r, c)), type, lost));
                    }
                QVERIFY(gateUp.gapsAreWhole() && m.gapsAreWhole() && h.gapsAreWhole());
            }
    }

    EACH_TARGET(additionsCases) {
        for (const std::int64_t width : kWidths) {
            constexpr std::int64_t kRows = 3;
            const Floats start = some(kRows * width, 8), bias = some(width, 9);
            Matrix y(some(kRows * width, 10), width, type), cast(Floats(start.size()), width, type);
            const Matrix given = y;
            Floats x = start;
            addRows(x.data(), y.rows(), kRows, width);
            addBias(y.rows(), bias.data(), kRows, width);
            castRows(start.data(), kRows, width, cast.rows());
            for (std::int64_t r = 0; r < kRows; ++r)
                for (std::int64_t c = 0; c < width; ++c) {
                    const auto i = static_cast<std::size_t>(r * width + c);
                    QCOMPARE(x[i], start[i] + static_cast<float>(given(r, c)));
                    QVERIFY(close(y(r, c), given(r, c) + bias[static_cast<std::size_t>(c)], type));
                    QCOMPARE(cast(r, c), type == Scalar::F32 ? double{start[i]} : double{fromBf16(toBf16(start[i]))});
                }
            double sum = 0;
            for (std::int64_t c = 0; c < width; ++c) sum += given(0, c) * given(1, c);
            Matrix again = given;
            const Rows rows = again.rows();
            const float found = dot(rows.data, static_cast<char*>(rows.data) + rows.stride * sizeOf(type), width, type);
            QVERIFY(close(found, sum, Scalar::F32, 20));
            QCOMPARE(firstNotFinite(rows.data, width, type), std::int64_t{-1});
            Floats broken = some(width, 11);
            broken.back() = std::numeric_limits<float>::infinity();
            Matrix last(broken, width, type);
            QCOMPARE(firstNotFinite(last.rows().data, width, type), width - 1);
            broken.front() = std::numeric_limits<float>::quiet_NaN();
            Matrix first(broken, width, type);
            QCOMPARE(firstNotFinite(first.rows().data, width, type), std::int64_t{0});
        }
    }

    EACH_TARGET(rotationsCases) {
        for (const std::int64_t rotary : {2, 12, 32}) {
            constexpr std::int64_t kRows = 3, kHeads = 2, kPositions = 5;
            const std::int64_t size = rotary + 4;
            Floats cosines, sines;
            for (std::int64_t i = 0; i < kPositions * rotary / 2; ++i) {
                cosines.push_back(static_cast<float>(std::cos(0.1 * static_cast<double>(i))));
                sines.push_back(static_cast<float>(std::sin(0.1 * static_cast<double>(i))));
            }
            const std::int32_t positions[kRows] = {4, 0, 2};
            Matrix x(some(kRows * kHeads * size, 12), kHeads * size, type);
            const Matrix given = x;
            rotate(x.rows(), positions, kRows, kHeads, size, rotary, cosines.data(), sines.data(), 1);
            for (std::int64_t r = 0; r < kRows; ++r)
                for (std::int64_t h = 0; h < kHeads; ++h)
                    for (std::int64_t i = 0; i < size; ++i) {
                        const std::int64_t c = h * size + i, half = rotary / 2, other = i < half ? c + half : c - half;
                        const auto angle = static_cast<std::size_t>(positions[r] * half + i % half);
                        const double turned =
                            i >= rotary ? given(r, c)
                                        : given(r, c) * cosines[angle] + (i < half ? -1 : 1) * given(r, other) * sines[angle];
                        QVERIFY(close(x(r, c), turned, type));
                    }
            rotate(x.rows(), positions, kRows, kHeads, size, rotary, cosines.data(), sines.data(), -1);
            for (std::int64_t r = 0; r < kRows; ++r)
                for (std::int64_t c = 0; c < kHeads * size; ++c) QVERIFY(close(x(r, c), given(r, c), type, 2));
            QVERIFY(x.gapsAreWhole());
        }
    }

    EACH_TARGET(dropoutsCases) {
        constexpr std::int64_t kRows = 40, kWidth = 99;
        const Mask mask{0x123456789ABCDEFULL, 0.25f, 7};
        Matrix x(Floats(kRows * kWidth, 3.0f), kWidth, type), out(Floats(kRows * kWidth), kWidth, type),
            sum(Floats(kRows * kWidth, 1.0f), kWidth, type);
        dropout(x.rows(), kRows, kWidth, mask, out.rows());
        dropoutAdd(x.rows(), kRows, kWidth, mask, sum.rows());
        std::uint64_t hash = 0;
        std::int64_t kept = 0;
        for (std::int64_t r = 0; r < kRows; ++r)
            for (std::int64_t c = 0; c < kWidth; ++c) {
                QVERIFY(out(r, c) == 0.0 || out(r, c) == 4.0);
                QCOMPARE(sum(r, c), 1.0 + out(r, c));
                kept += out(r, c) != 0.0;
                hash = hash * 31 + (out(r, c) != 0.0);
            }
        QVERIFY(std::abs(static_cast<double>(kept) / (kRows * kWidth) - 0.75) < 0.03);
        // A resumed training draws the same masks on another CPU.
        static std::uint64_t first = hash;
        QCOMPARE(hash, first);
        Matrix later(Floats(kWidth, 3.0f), kWidth, type), one(Floats(kWidth), kWidth, type);
        Mask next = mask;
        next.firstRow += 5;
        dropout(later.rows(), 1, kWidth, next, one.rows());
        for (std::int64_t c = 0; c < kWidth; ++c) QCOMPARE(one(0, c), out(5, c));
    }

    EACH_TARGET(lossesCases) {
        for (const std::int64_t width : {1, 5, 1024, 2077}) {
            Floats values = some(3 * width, 17, 4);
            values[static_cast<std::size_t>(width + width / 2)] = values[static_cast<std::size_t>(2 * width - 1)] = 90;
            std::fill(values.begin() + 2 * width, values.end(), -std::numeric_limits<float>::infinity());
            Matrix logits(values, width, type);
            std::int32_t best[3] = {-1, -1, -1};
            likeliest(logits.rows(), 3, width, best);
            for (std::int64_t c = 0; c < width; ++c)
                QVERIFY(logits(0, c) <= logits(0, best[0]) && (c >= best[0] || logits(0, c) < logits(0, best[0])));
            QCOMPARE(best[1], static_cast<std::int32_t>(width / 2)); // the first of two
            QCOMPARE(best[2], 0);
        }
        for (const std::int64_t width : {3, 64, 99}) {
            const std::int64_t begin[] = {0, 2, 2, 3};
            const std::int32_t tokens[] = {0, 2, static_cast<std::int32_t>(width - 1)};
            const float weights[] = {0.5f, 2, 1};
            float losses[3] = {}, lse[3] = {};
            Matrix logits(some(3 * width, 13, 4), width, type);
            const Matrix given = logits;
            logSumExp(logits.rows(), 3, width, lse);
            const double total = crossEntropy(logits.rows(), {begin, tokens, weights, losses}, 3, width, true);
            double expected = 0;
            for (std::int64_t r = 0; r < 3; ++r) {
                double sum = 0, weight = 0;
                for (std::int64_t c = 0; c < width; ++c) sum += std::exp(given(r, c));
                QVERIFY(close(lse[r], std::log(sum)));
                std::vector<double> gradient(static_cast<std::size_t>(width));
                for (std::int64_t t = begin[r]; t < begin[r + 1]; ++t) {
                    QVERIFY(close(losses[t], std::log(sum) - given(r, tokens[t])));
                    expected += weights[t] * (std::log(sum) - given(r, tokens[t]));
                    gradient[static_cast<std::size_t>(tokens[t])] -= weights[t];
                    weight += weights[t];
                }
                for (std::int64_t c = 0; c < width; ++c)
                    QVERIFY(
                        close(logits(r, c), gradient[static_cast<std::size_t>(c)] + weight * std::exp(given(r, c)) / sum, type));
            }
            QVERIFY(close(total, expected));
            QVERIFY(logits.gapsAreWhole());
        }
    }

    /// Two cached spans before the node's own keys; one query row goes its own way through the kernel.
    EACH_TARGET(attendsCases) {
        for (const std::int64_t window : {0, 1, 9, 40, 200})
            for (const auto& [size, queries] : {std::pair<std::int64_t, std::int64_t>{12, 1},
                                                {12, 2},
                                                {12, 70},
                                                {64, 1},
                                                {64, 2},
                                                {64, 70},
                                                {80, 1},
                                                {80, 2},
                                                {80, 70}}) {
                if (window > 0 && queries == 1) continue; // its keys are the window's alone
                constexpr std::int64_t kGroups = 3, kFirst = 5, kSecond = 19;
                const std::int64_t own = queries + (queries == 1 ? 0 : 1), before = kFirst + kSecond + own - queries;
                Matrix q(some(queries * kGroups * size, 14), kGroups * size, type),
                    out(Floats(static_cast<std::size_t>(queries * kGroups * size)), kGroups * size, type);
                Matrix first(some(kFirst * 2 * size, 15), 2 * size, Scalar::F32),
                    second(some(kSecond * 2 * size, 16), 2 * size, type);
                Matrix mine(some(own * 2 * size, 17), 2 * size, type);
                const auto span = [&](Matrix& m, std::int64_t rows, std::int64_t row) {
                    return KeySpan{m.rows().data, m.rows(size).data, m.rows().stride, rows, m.rows().type, row};
                };
                const KeySpan spans[] = {span(first, kFirst, -1), span(second, kSecond, 0), span(mine, own, kSecond)};
                Floats lse(static_cast<std::size_t>(queries * kGroups));
                AttentionTask task;
                task.q = q.rows().data;
                task.qStride = q.rows().stride;
                task.qRows = queries;
                task.type = type;
                task.groups = kGroups;
                task.headDim = size;
                task.scale = 0.3f;
                task.window = window;
                task.spans = spans;
                task.spanCount = 3;
                task.out = out.rows().data;
                task.outStride = out.rows().stride;
                task.lse = lse.data();
                task.lseStride = kGroups;
                attentionForward(task);
                QVERIFY(out.gapsAreWhole());

                Matrix dOut(some(queries * kGroups * size, 18), kGroups * size, type),
                    dq(Floats(static_cast<std::size_t>(queries * kGroups * size)), kGroups * size, type);
                const std::int64_t packed = kSecond + own;
                Floats dk(static_cast<std::size_t>(packed * size), 0.5f), dv = dk;
                attentionBackward(
                    task, {dOut.rows().data, dOut.rows().stride, dq.rows().data, dq.rows().stride, dk.data(), dv.data(), size});
                std::vector<double> dkPlain(dk.size(), 0.5), dvPlain = dkPlain;
                const auto key = [&](std::int64_t j, std::int64_t c) {
                    return j < kFirst             ? first(j, c)
                           : j < kFirst + kSecond ? second(j - kFirst, c)
                                                  : mine(j - kFirst - kSecond, c);
                };
                const double slack = type == Scalar::F32 ? 10 : 3;
                for (std::int64_t i = 0; i < queries; ++i)
                    for (std::int64_t g = 0; g < kGroups; ++g) {
                        std::vector<double> p, dp;
                        double sum = 0, delta = 0;
                        for (std::int64_t j = 0; j <= before + i; ++j) {
                            double score = 0;
                            for (std::int64_t c = 0; c < size; ++c) score += q(i, g * size + c) * key(j, c);
                            const bool seen = window == 0 || j > before + i - window;
                            p.push_back(seen ? std::exp(double{task.scale} * score) : 0);
                            sum += p.back();
                        }
                        QVERIFY(close(lse[static_cast<std::size_t>(i * kGroups + g)], std::log(sum), Scalar::F32, 10));
                        for (std::int64_t c = 0; c < size; ++c) {
                            double value = 0;
                            for (std::size_t j = 0; j < p.size(); ++j)
                                value += p[j] / sum * key(static_cast<std::int64_t>(j), size + c);
                            QVERIFY(close(out(i, g * size + c), value, type, slack));
                        }
                        for (std::size_t j = 0; j < p.size(); ++j) {
                            p[j] /= sum;
                            double along = 0;
                            for (std::int64_t c = 0; c < size; ++c)
                                along += dOut(i, g * size + c) * key(static_cast<std::int64_t>(j), size + c);
                            dp.push_back(along);
                            delta += p[j] * along;
                        }
                        for (std::int64_t c = 0; c < size; ++c) {
                            double slope = 0;
                            for (std::size_t j = 0; j < p.size(); ++j) {
                                const double ds = p[j] * (dp[j] - delta) * double{task.scale};
                                slope += ds * key(static_cast<std::int64_t>(j), c);
                                if (static_cast<std::int64_t>(j) < kFirst) continue;
                                const auto at = static_cast<std::size_t>((static_cast<std::int64_t>(j) - kFirst) * size + c);
                                dkPlain[at] += ds * q(i, g * size + c);
                                dvPlain[at] += p[j] * dOut(i, g * size + c);
                            }
                            QVERIFY(close(dq(i, g * size + c), slope, type, 3 * slack));
                        }
                    }
                for (std::size_t i = 0; i < dk.size(); ++i) {
                    QVERIFY(close(dk[i], dkPlain[i], type, 5 * slack));
                    QVERIFY(close(dv[i], dvPlain[i], type, 5 * slack));
                }
            }
    }

    EACH_TARGET(stepsCases) {
        if (type != Scalar::F32) return; // floats only
        AdamStep step;
        step.gradientScale = 0.5f;
        step.keep = 0.99f;
        step.stepSize = 0.01f;
        step.inverseRoot = 2;
        for (const std::int64_t count : kWidths) {
            const Floats g = some(count, 19), start = some(count, 20);
            Floats p = start, m = some(count, 21), v(static_cast<std::size_t>(count), 0.3f);
            const Floats before = m;
            adamStep(step, g.data(), count, p.data(), m.data(), v.data());
            double squares = 0;
            for (std::size_t i = 0; i < g.size(); ++i) {
                const double scaled = 0.5 * g[i], m1 = 0.9 * before[i] + 0.1 * scaled, v1 = 0.999 * 0.3 + 0.001 * scaled * scaled;
                QVERIFY(close(m[i], m1) && close(v[i], v1));
                QVERIFY(close(p[i], 0.99 * start[i] - 0.01 * m1 / (2 * std::sqrt(v1) + 1e-8)));
                squares += double{g[i]} * g[i];
            }
            QVERIFY(close(sumOfSquares(g.data(), count), squares));
        }
    }
};

QTEST_APPLESS_MAIN(TestKernels)
#include "tst_kernels.moc"
