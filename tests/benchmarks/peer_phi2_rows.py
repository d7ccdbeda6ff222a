# SPDX-License-Identifier: GPL-3.0-or-later
"""The work for a full-size Phi-2: examples of exactly 128 tokens that begin with the same 64, as a CSV and an experiment for both programs, and
prompts of 96 and 512 tokens. usage: peer_phi2_rows.py MODEL_FOLDER ROWS_PER_LABEL OUT_FOLDER"""
import json
import pathlib
import random
import sys

import yaml
from transformers import AutoTokenizer

from peer_rows import prompt_of

LENGTH, SHARED = 128, 64
LABELS = ("negative", "neutral", "positive")


def main():
    folder, rows, out = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    vocab = tokenizer.get_vocab()
    words = sorted(t[1:] for t in vocab if t[0] == "Ġ" and t[1:].isascii() and t[1:].isalpha() and t[1:].islower() and 4 <= len(t) <= 9 and t[1:] in vocab)
    before, after = prompt_of(SHARED - 1, tokenizer) + " [", "] ="
    count = LENGTH - SHARED - 4  # "]", " =", the answer and the end of text
    draw = random.Random(5)
    lines = ["label,text"]
    for number in range(rows * len(LABELS)):
        text, label = " ".join(draw.choices(words, k=count)), LABELS[number % len(LABELS)]
        length = len(tokenizer(before + text + after + f" {label}").input_ids) + 1
        if length != LENGTH:
            sys.exit(f"An example is {length} tokens long, not {LENGTH}.")
        lines.append(f"{label},{text}")
    out.mkdir(parents=True, exist_ok=True)
    (out / "rows.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    experiment = {
        "name": "phi2", "model": {"path": str(folder), "precision": "bf16"},
        "data": {"csv": "rows.csv", "label": "label", "text": "text", "labels": list(LABELS),
                 "split": {"train_per_label": 4, "test_per_label": 1, "eval_per_label": 0, "seed": 42, "shuffle_seed": 10}},
        "prompt": {"template": before + "{text}" + after + "{label}", "labels": {label: f" {label}" for label in LABELS}},
        "lora": {"r": 16, "alpha": 16, "dropout": 0.05, "bias": "none", "targets": "all-linear"},
        "train": {"epochs": 1, "batch_size": 4, "learning_rate": 2e-4, "schedule": "cosine", "loss_on": "all", "max_tokens": 256},
        "evaluate": {"method": "score"}}
    (out / "phi2.yaml").write_text(yaml.safe_dump(experiment, sort_keys=False, allow_unicode=True, width=10_000), encoding="utf-8")
    for tokens in (96, 512):
        (out / f"prompt-{tokens}.json").write_text(json.dumps({"prompt": prompt_of(tokens, tokenizer), "prompt_tokens": tokens}), encoding="utf-8")


main()
