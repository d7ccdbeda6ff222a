# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast transformers reads a prompt and goes on from it, once warm. usage: peer_generate.py ROWS.json MODEL_FOLDER NEW_TOKENS [bf16|nf4]"""
import json
import sys
import time

import torch
from peer_precision import quantization
from transformers import AutoModelForCausalLM, AutoTokenizer


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = json.load(file)
    count, precision = int(sys.argv[3]), sys.argv[4] if len(sys.argv) > 4 else "bf16"
    tokenizer = AutoTokenizer.from_pretrained(sys.argv[2])
    model = AutoModelForCausalLM.from_pretrained(sys.argv[2], dtype=torch.bfloat16, quantization_config=quantization(precision)).eval()
    encoded = tokenizer(rows["prompt"], return_tensors="pt")
    length = encoded.input_ids.shape[1]

    def generate(tokens):
        begin = time.perf_counter()
        made = model.generate(**encoded, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False, pad_token_id=tokenizer.eos_token_id)
        return time.perf_counter() - begin, made[0, length:].tolist()

    with torch.inference_mode():
        generate(2)
        first, _ = generate(1)
        whole, ids = generate(count)
    print(json.dumps({"event": "result", "prompt_tokens": length, "ids": ids, "threads": torch.get_num_threads(),
                      "prefill": length / first, "decode": (count - 1) / (whole - first)}))


main()
