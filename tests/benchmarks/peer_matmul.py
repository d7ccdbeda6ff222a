# SPDX-License-Identifier: GPL-3.0-or-later
"""The most that a product of two bfloat16 matrices reaches here, of the shapes that a model's linear layers have.
usage: peer_matmul.py MODEL_FOLDER ROWS"""
import json
import pathlib
import sys
import time

import torch

REPEATS, SECONDS = 3, 1.0


def rate(rows, width, out):
    x, w = torch.randn(rows, width).bfloat16(), torch.randn(out, width).bfloat16()
    y = torch.empty(rows, out, dtype=torch.bfloat16)
    torch.mm(x, w.T, out=y)
    best = 0
    for _ in range(REPEATS):
        count, begin = 0, time.perf_counter()
        while (seconds := time.perf_counter() - begin) < SECONDS:
            torch.mm(x, w.T, out=y)
            count += 1
        best = max(best, 2 * rows * width * out * count / seconds)
    return best / 1e9


def main():
    config, rows = json.loads((pathlib.Path(sys.argv[1]) / "config.json").read_text(encoding="utf-8")), int(sys.argv[2])
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    rates = {f"{width} to {out}": rate(rows, width, out) for width, out in ((hidden, hidden), (hidden, inner), (inner, hidden))}
    print(json.dumps({"event": "result", "gflops": max(rates.values()), "shapes": rates}))


main()
