# SPDX-License-Identifier: GPL-3.0-or-later
"""The tiny models of each family that make_families.py asks the peers about, as options of tests/support/tiny_model.h.

A window of 8 and an original context of 16 or 32 lie below the longer texts' 37 to 44 tokens. Whole blocks of 64 to a row where a
model is quantised as well: bitsandbytes 0.50 de-quantises others wrongly on the CPU.
"""
SHORT, LONG = (9, 2, 5), (41, 34, 37)  # tokens behind a beginning of three

MODELS = {
    "llama": {
        "llama, rope_type llama3": "hidden=64 intermediate=64 heads=4 kvHeads=2 headDim=32 scaling=llama3 scalingFactor=8 original=16 maxPositions=128 tied=no seed=201",
        "llama, linear scaling, biases": "hidden=48 intermediate=56 heads=3 kvHeads=1 scaling=linear scalingFactor=4 attentionBias=yes mlpBias=yes dialect=transformers4 seed=102",
        "llama, rope_type llama3, as transformers 4 wrote it": "hidden=48 intermediate=64 heads=4 kvHeads=1 scaling=llama3 scalingFactor=32 original=16 maxPositions=512 ropeTheta=500000 dialect=transformers4 seed=123",
    },
    "mistral": {
        "mistral, window": "hidden=64 intermediate=64 heads=4 kvHeads=2 headDim=32 window=8 tied=no seed=191",
        "mistral, window, as transformers 4 wrote it": "hidden=60 intermediate=56 heads=3 kvHeads=1 window=8 tied=no dialect=transformers4 seed=272",
        "mistral, no window, tied": "hidden=48 intermediate=40 heads=4 kvHeads=4 ropeTheta=1000000 seed=133",
    },
    "qwen2": {
        "qwen2, tied": "hidden=64 intermediate=64 heads=4 kvHeads=2 ropeTheta=1000000 seed=181",
        "qwen2, window from layer 1, as transformers 4 wrote it": "hidden=48 intermediate=56 heads=4 kvHeads=2 layers=3 window=8 windowFrom=1 tied=no dialect=transformers4 seed=182",
        "qwen2, window from layer 1": "hidden=48 intermediate=40 heads=3 kvHeads=1 layers=2 window=8 windowFrom=1 seed=243",
    },
    "qwen3": {
        "qwen3, tied": "hidden=64 intermediate=64 heads=4 kvHeads=2 headDim=32 ropeTheta=1000000 seed=151",
        "qwen3, window from layer 1, biases, as transformers 4 wrote it": "hidden=48 intermediate=56 heads=3 kvHeads=1 headDim=24 window=8 windowFrom=1 attentionBias=yes tied=no dialect=transformers4 seed=132",
    },
    "gemma3_text": {
        "gemma3, five local layers to a global one": "hidden=64 intermediate=64 heads=2 kvHeads=1 headDim=32 layers=7 window=8 globalEvery=6 ropeTheta=1000000 localTheta=10000 seed=221",
        "gemma3, linear scaling, another scale, as transformers 4 wrote it": "hidden=48 intermediate=56 heads=4 kvHeads=2 headDim=16 layers=3 window=8 globalEvery=3 scaling=linear scalingFactor=8 queryScalar=20 ropeTheta=1000000 dialect=transformers4 seed=322",
        "gemma3, untied": "hidden=60 intermediate=40 heads=3 kvHeads=1 headDim=16 layers=3 window=8 globalEvery=2 tied=no seed=263",
    },
    "smollm3": {
        "smollm3, tied": "hidden=64 intermediate=64 heads=4 kvHeads=2 layers=4 ropeTheta=2000000 seed=311",
        "smollm3, every other layer without rotary, as transformers 4 wrote it": "hidden=48 intermediate=56 heads=3 kvHeads=1 layers=4 noRopeEvery=2 tied=no dialect=transformers4 seed=332",
    },
    "phi3": {
        "phi3, longrope, partial rotary, tied": "hidden=64 intermediate=64 heads=4 kvHeads=2 partialRotary=0.75 scaling=longrope original=32 maxPositions=256 seed=241",
        "phi3, longrope, as transformers 4 wrote it": "hidden=48 intermediate=56 heads=3 kvHeads=3 partialRotary=1 scaling=longrope original=32 maxPositions=128 window=24 tied=no dialect=transformers4 seed=202",
        "phi3, window": "hidden=48 intermediate=40 heads=4 kvHeads=2 partialRotary=1 window=8 tied=no seed=243",
    },
}


def options(family, model):
    return f"family={family} {model}"
