# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the logits of the default model (SmolLM2, GGUF) with transformers': fp32 within 1e-3, bf16 as near to the truth as its own.

    python tests/parity/default_model.py [--model FILE.gguf] [--cli build/bin/phibench-cli]
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = """Analyze the sentiment of the news headline enclosed in square brackets, determine if it is positive, neutral, or negative, and return
the answer as the corresponding sentiment label. [The company's quarterly revenue rose by 12.5 % to EUR 310 million.] = positive
The old lighthouse keeper wrote: "Seventeen ships passed today; none of them waved." for i in range(10): print(i ** 2)"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--cli", default=str(ROOT / "build/bin/phibench-cli"))
    args = parser.parse_args()
    where = {"pretrained_model_name_or_path": str(args.model.parent), "gguf_file": args.model.name}
    ids = AutoTokenizer.from_pretrained(**where)(TEXT).input_ids
    net = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32).eval()

    def theirs():
        with torch.no_grad():
            return net(torch.tensor([ids])).logits[0].double()

    def ours(precision):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "logits.safetensors"
            run = subprocess.run([args.cli, "logits", "--model", str(args.model), "--precision", precision, "--ids", ",".join(map(str, ids)), "--out", str(file)],
                                 capture_output=True, text=True)
            if run.returncode:
                sys.exit(f"{args.cli}: exit {run.returncode}\n{run.stderr}")
            return load_file(file)["logits"].double()

    truth = theirs()
    net.to(torch.bfloat16)
    peer = theirs()
    scale = float(truth.square().mean().sqrt())
    fp32 = float((ours("fp32") - truth).norm() / truth.norm())
    ok = fp32 <= 1e-3
    print(f"default model, fp32, {len(ids)} tokens: relative error of logits {fp32:.2g}, at most 1e-3 (root mean square of logits {scale:.3g})")
    mine = ours("bf16")
    for name, size in (("root mean square", lambda e: e.square().mean().sqrt()), ("largest", lambda e: e.abs().max())):
        a, b = float(size(mine - truth)), float(size(peer - truth))
        print(f"default model, bf16, {name} error against fp32: ours {a:.4g}, transformers' {b:.4g}; ratio {a / b:.3f}, at most 1.2")
        ok &= a <= 1.2 * b
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
