# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which the engine visits its samples (engine/train/order.cpp), so that a peer trains on the same batches."""

_MASK = (1 << 64) - 1


class _MersenneTwister64:
    """std::mt19937_64."""

    def __init__(self, seed):
        self.state = [seed & _MASK]
        for i in range(1, 312):
            last = self.state[-1]
            self.state.append((6364136223846793005 * (last ^ (last >> 62)) + i) & _MASK)
        self.used = 312

    def __call__(self):
        if self.used == 312:
            s = self.state
            for i in range(312):
                x = (s[i] & 0xFFFFFFFF80000000) | (s[(i + 1) % 312] & 0x7FFFFFFF)
                s[i] = s[(i + 156) % 312] ^ (x >> 1) ^ (0xB5026F5AA96619E9 if x & 1 else 0)
            self.used = 0
        x = self.state[self.used]
        self.used += 1
        x ^= (x >> 29) & 0x5555555555555555
        x ^= (x << 17) & 0x71D67FFFEDA60000
        x ^= (x << 37) & 0xFFF7EEE000000000
        return x ^ (x >> 43)


def _mixed(a, b):
    z = (a + 0x9E3779B97F4A7C15 * (b + 1)) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


def first_epoch(samples, seed):
    """Sample numbers in the order of the first epoch."""
    draw = _MersenneTwister64(_mixed(seed, 0))

    def below(n):
        rest = (1 << 64) % n
        drawn = draw()
        while drawn < rest:
            drawn = draw()
        return drawn % n

    order = list(range(samples))
    for left in range(samples, 1, -1):
        at = below(left)
        order[left - 1], order[at] = order[at], order[left - 1]
    return order
