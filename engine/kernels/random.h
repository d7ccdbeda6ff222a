// SPDX-License-Identifier: GPL-3.0-or-later
// Random numbers that are the same with every standard library: std::mt19937_64's output is fixed, its distributions' is not.
#pragma once
#include <cstdint>
#include <random>

namespace engine {

/// One key out of two, each bit of both reaching each bit of it (splitmix64's finaliser, Steele et al. 2014).
constexpr std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
    std::uint64_t z = a + 0x9E3779B97F4A7C15ULL * (b + 1);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

class Random {
public:
    explicit Random(std::uint64_t seed) : m_engine(seed) {}
    /// In [0, 1).
    double uniform() { return static_cast<double>(m_engine() >> 11) * 0x1.0p-53; }
    /// In [0, n), n >= 1, each equally likely.
    std::uint64_t below(std::uint64_t n) {
        const std::uint64_t rest = (~n + 1) % n; // 2^64 mod n: draws under it would favour the small numbers
        std::uint64_t drawn = m_engine();
        while (drawn < rest) drawn = m_engine();
        return drawn % n;
    }

private:
    std::mt19937_64 m_engine;
};

} // namespace engine
