# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares Gemma 3 270M (GGUF, fetched by resources/setup.sh --model gemma-3-270m) with transformers' reading of it: logits in fp32
within 1e-3 of each other, and 64 greedy tokens identical.

    python tests/parity/real_model.py [--model FILE.gguf] [--cli build/bin/phibench-cli]
"""
import argparse
import json
import pathlib
import sys

import torch
from default_model import ROOT, TEXT, Ours
from transformers import AutoModelForCausalLM, AutoTokenizer

PROMPT, CONTINUES, NEW = "The capital of France is", " the capital of the country of France. It is the largest", 64


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / ".deps/models/gemma-3-270m-q4_k_m.gguf")
    parser.add_argument("--cli", default=str(ROOT / "build/bin/phibench-cli"))
    args = parser.parse_args()
    where = {"pretrained_model_name_or_path": str(args.model.parent), "gguf_file": args.model.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    net = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32).eval()
    ours = Ours(args.cli, args.model)

    long = tokenizer(TEXT * 6).input_ids[:700]  # beyond the window of 512
    ok = True
    for ids in (tokenizer(TEXT).input_ids, long):
        with torch.no_grad():
            theirs = net(torch.tensor([ids])).logits[0].double()
        error = float((ours.logits("fp32", ids) - theirs).norm() / theirs.norm())
        ok &= error <= 1e-3
        print(f"Gemma 3 270M, fp32, {len(ids)} tokens: relative error of logits {error:.2g}, at most 1e-3 (root mean square of logits {float(theirs.square().mean().sqrt()):.3g})")

    prompt = tokenizer(PROMPT, return_tensors="pt")
    theirs = net.generate(**prompt, do_sample=False, max_new_tokens=NEW)[0, prompt.input_ids.shape[1]:].tolist()
    told = ours("--json", "generate", "--model", args.model, "--prompt", PROMPT, "--max-new-tokens", NEW, "--precision", "fp32")
    result = next(e for e in map(json.loads, told.splitlines()) if e["event"] == "result")
    same = sum(a == b for a, b in zip(result["ids"], theirs))
    print(f"Gemma 3 270M, greedy: {same} of {max(len(theirs), len(result['ids']))} tokens agree: {result['text'][:80]!r}")
    ok &= result["ids"] == theirs and result["text"].startswith(CONTINUES)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
