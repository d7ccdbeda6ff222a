# SPDX-License-Identifier: GPL-3.0-or-later
"""The article's evaluation with transformers: question by question, at most 3 greedy tokens, the first label found in them.
usage: peer_evaluate.py ROWS.json MODEL_FOLDER bf16|fp32 [ADAPTER_FOLDER]"""
import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

NEW_TOKENS = 3


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = json.load(file)
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(sys.argv[2], dtype={"bf16": torch.bfloat16, "fp32": torch.float32}[sys.argv[3]])
    if len(sys.argv) > 4:
        from peft import PeftModel
        model = PeftModel.from_pretrained(model, sys.argv[4])
    model.eval()
    labels = rows["labels"]
    order = [labels[-1], *labels[:-1]]  # positive, negative, neutral
    predictions = []
    begin = time.perf_counter()
    with torch.inference_mode():
        for row in rows["test"]:
            encoded = tokenizer(row["question"], return_tensors="pt")
            made = model.generate(**encoded, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=tokenizer.eos_token_id)
            text = tokenizer.decode(made[0, encoded.input_ids.shape[1]:], skip_special_tokens=True)
            guess = next((label for label in order if label in text.lower()), None)
            predictions.append({"record": row["record"], "truth": row["label"], "guess": guess, "text": text})
    seconds = time.perf_counter() - begin
    print(json.dumps({"event": "result", "seconds": seconds, "threads": torch.get_num_threads(), "predictions": predictions}))


main()
