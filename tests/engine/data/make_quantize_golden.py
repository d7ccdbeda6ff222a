#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes tests/support/quantize_golden.h: floats, and the blocks that the gguf package (llama.cpp's own) makes of them.
usage: make_quantize_golden.py OUT.h"""
import sys

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import quants

rng = np.random.default_rng(14)
rows = [
    rng.normal(0, 0.02, 32),  # as weights are
    rng.normal(0, 1, 32),
    rng.uniform(-3, 0, 32),
    np.full(32, -0.75),
    np.concatenate([[2.0, -2.0], np.zeros(30)]),  # the first of two largest counts
    np.concatenate([[-2.0, 2.0], np.zeros(30)]),
    np.arange(32) / 8 - 2,  # codes half-way
    rng.normal(0, 3e-7, 32),  # scales below the smallest normal half
    rng.normal(0, 1, 32) * 10.0 ** rng.uniform(-4, 2, 32),
]
values = np.stack(rows).astype(np.float32)


def quoted(data):
    text = data.tobytes().hex()
    return "\n".join(f'    "{text[i:i + 112]}"' for i in range(0, len(text), 112))


out = [
    "// SPDX-License-Identifier: GPL-3.0-or-later",
    "// Made by tests/engine/data/make_quantize_golden.py with gguf 0.19.0.",
    "#pragma once",
    "#include <bit>",
    "#include <cstdint>",
    "#include <vector>",
    "",
    "inline std::vector<float> goldenFloats() {",
    "    std::vector<float> values;",
    "    for (const std::uint32_t bits : {",
]
bits = [f"0x{b:08X}u" for b in values.reshape(-1).view(np.uint32)]
out += ["             " + ", ".join(bits[i:i + 8]) + ("," if i + 8 < len(bits) else "") for i in range(0, len(bits), 8)]
out += ["         })", "        values.push_back(std::bit_cast<float>(bits));", "    return values;", "}", ""]
for name in ("Q8_0", "Q4_0", "Q4_1"):
    out += [f"inline constexpr char kGolden{name}[] =", quoted(quants.quantize(values, Type[name])) + ";"]
open(sys.argv[1], "w").write("\n".join(out) + "\n")
